package exosim

import (
	"fmt"

	"github.com/google/uuid"
)

// unique finds what is there twice.
type unique struct {
	kind string
	seen map[string]bool
}

func (u *unique) add(faults *[]string, path, name string) {
	if u.seen == nil {
		u.seen = map[string]bool{}
	}
	if name != "" && u.seen[name] {
		*faults = append(*faults, fmt.Sprintf("%s: %s %q is there twice", path, u.kind, name))
	}
	u.seen[name] = true
}

// givenOnce is what may be there only once in a whole file.
type givenOnce struct{ ids, addresses unique }

// id reads the id of an object, or makes one.
func (g *givenOnce) id(o *object) string {
	id := o.id("id", false)
	if id == nil {
		return uuid.NewString()
	}
	g.ids.add(o.faults, o.name("id"), *id)
	return *id
}

// address reads an address, if there is one.
func (g *givenOnce) address(o *object, field string) string {
	address := value(o.ip(field))
	g.addresses.add(o.faults, o.name(field), address)
	return address
}
