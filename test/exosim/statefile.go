package exosim

// StateFile is what a state file says.
type StateFile struct {
	zones []zoneSeed
	keys  []Key
}

type zoneSeed struct{ name string }

func (c *Cloud) seedZone(*zone, zoneSeed) error { return nil }
