// Package sandbox runs this program once more, as root in namespaces of its own,
// so that a node can run in it that the machine never hears of:
//
//	Again ──▶ the same program, Inside: Furnish, and then whatever it is for
//	  │          PID 1, a network of its own, mounts of its own
//	  └─ waits for it, and takes away the one thing that outlives it: its cgroup
//
// When the program inside ends, however it ends, the kernel kills whatever it
// started, and with the last process go its mounts, interfaces, addresses and
// tables of nftables. It is killed when the one outside is.
//
// What isn't divided by namespaces is held off: kubelet finds the settings of the
// kernel that it would make already made (Furnish), in files that lie over them.
package sandbox
