// Package images makes container images of static programs, as files that a
// container runtime imports: no registry, and no Dockerfile, has a part in it.
package images
