package exoscale

// Abandon stops following an operation, as if its answer had been lost: the NLB is
// free for other changes, those who were refused are woken, and what is known of it is
// read anew. Exoscale isn't asked to stop it, and may still bring it to an end.
func (o *Operations) Abandon(key Key, operationID string) {
	zone := o.client.zoneName(key.Zone)
	o.mu.Lock()
	var refused []Owner
	if t := o.flying[zone][operationID]; t != nil {
		delete(o.flying[zone], operationID)
		if len(o.flying[zone]) == 0 {
			delete(o.flying, zone)
		}
		refused = o.letGo(t.key)
		o.countFlying(zone)
	}
	o.results.forget(zone, operationID)
	o.mu.Unlock()
	o.inventory.Invalidate(key)
	for _, owner := range refused {
		o.wake(owner)
	}
}
