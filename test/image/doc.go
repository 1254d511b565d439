// Package image looks into the image that make image builds: what is in it for
// each platform, who it runs as, and that the same commit gives the same bytes.
package image
