package nodegone

import "time"

// Limits of removal. The zero value of a field means its default.
type Limits struct {
	// MaxShare is how many percent of all Nodes may be removed within Window,
	// 1-100; default 20. One always may.
	MaxShare int
	// Window in which removals count together; default 10 minutes.
	Window time.Duration
	// MinAge of a Node that may be removed; default 5 minutes. Right after an
	// instance was made, reads that lag behind don't know it yet.
	MinAge time.Duration
	// MaxListAge is how old a list may be to say anything; default 5 minutes.
	MaxListAge time.Duration
	// Grace is how long what speaks against a removal may last before it is told;
	// default 2 minutes. It takes Kubernetes nearly one to see that a kubelet is silent.
	Grace time.Duration
}

// WithDefaults fills in what isn't set.
func (l Limits) WithDefaults() Limits {
	if l.MaxShare <= 0 || l.MaxShare > 100 {
		l.MaxShare = 20
	}
	for _, field := range []struct {
		value  *time.Duration
		preset time.Duration
	}{
		{&l.Window, 10 * time.Minute}, {&l.MinAge, 5 * time.Minute}, {&l.MaxListAge, 5 * time.Minute}, {&l.Grace, 2 * time.Minute},
	} {
		if *field.value <= 0 {
			*field.value = field.preset
		}
	}
	return l
}

// allowed is how many of so many Nodes may be removed within the window.
func (l Limits) allowed(nodes int) int { return max(1, nodes*l.MaxShare/100) }
