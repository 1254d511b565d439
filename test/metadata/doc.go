// Package metadata is a simulated metadata service: what an Exoscale instance
// asks, at http://metadata.exoscale.com or http://169.254.169.254, to learn who
// it is.
//
//	/latest/meta-data/local-hostname    the instance's name
//	/latest/meta-data/instance-id       … and what else Keys lists, a line each
//	/latest/user-data                   the same for all members of a pool
//
// 1.0 is another word for latest. As at Exoscale the service tells instances
// apart by nothing but the address that they ask from: ByAddress. Of serves one
// instance, whoever asks. What the service does on bad days is said with Next.
package metadata
