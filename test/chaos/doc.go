// Command chaos lives through random histories. In each one users create,
// change and delete objects, foreign hands change the cloud, faults come and
// go, answers aren't true, and the operator is killed and started again:
//
//	users ─────────▶ API server ◀── operator ──▶ simulated cloud ◀── foreign hands
//	  │                             ▲ killed, restarted    ▲              │
//	  │                                                    faults         │
//	  ▼                                                                   ▼
//	wishes ─────────────────────▶ verdict ◀───────────────────────── foreign things
//
// Then the faults end and the hands rest. What users wished last (wishes) and
// what foreign hands own (estate) are all that the verdict knows: it reads the
// cloud and the objects, and nothing of the operator's own reasoning. A history
// is made from its seed; how its steps meet with the operator's is left to time.
package main
