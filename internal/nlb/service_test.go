package nlb

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

func wantedAttributes(edits ...func(*ServiceAttributes)) ServiceAttributes {
	want := ServiceAttributes{
		Name: "web", Description: "d", InstancePoolID: "pool", Protocol: TCP, Port: 443, TargetPort: 30443, Strategy: RoundRobin,
		HealthCheck: HealthCheck{Mode: ProbeHTTPS, Port: 30444, Path: "/healthz", Interval: 10 * time.Second, Timeout: 5 * time.Second, Retries: 1, TLSServerName: "example.org"},
	}
	for _, edit := range edits {
		edit(&want)
	}
	return want
}

// standing is the cloud service that the attributes make.
func standing(a ServiceAttributes, edits ...func(*Service)) *Service {
	service := Service{
		ID: "s1", Name: a.Name, Description: a.Description, InstancePoolID: a.InstancePoolID, Protocol: a.Protocol, Port: a.Port,
		TargetPort: a.TargetPort, Strategy: a.Strategy, HealthCheck: a.HealthCheck, State: StateRunning,
		Health: []BackendHealth{{PublicIP: "192.0.2.1"}},
	}
	for _, edit := range edits {
		edit(&service)
	}
	return &service
}

func serviceIn(state string) func(*Service) { return func(s *Service) { s.State = state } }

func TestTheStepOfAService(t *testing.T) {
	t.Parallel()
	want := ServiceWant{Attributes: wantedAttributes()}
	absent := ServiceWant{Absent: true}
	replacing := ServiceWant{Replacing: true, Attributes: want.Attributes}
	otherPool := standing(wantedAttributes(func(a *ServiceAttributes) { a.InstancePoolID, a.Name = "old", "old" }))
	on := standing(wantedAttributes(func(a *ServiceAttributes) { a.Name = "theirs" }))
	taken := standing(wantedAttributes(func(a *ServiceAttributes) { a.Port = 80 }), func(s *Service) { s.ID = "s2" })
	under := func(name string, edits ...func(*ServiceAttributes)) ServiceAttributes {
		return wantedAttributes(append(edits, func(a *ServiceAttributes) { a.Name = name })...)
	}
	derived := ServiceWant{Replacing: true, Derived: "uid-443", Attributes: want.Attributes}
	makes := func(action Action) ServiceMove { return ServiceMove{Action: action, Attributes: want.Attributes} }
	refused := func(reason string) ServiceMove { return ServiceMove{Action: Conflict, Reason: reason} }
	waits := func(reason string) ServiceMove { return ServiceMove{Action: Wait, Reason: reason} }
	for name, c := range map[string]struct {
		want ServiceWant
		got  ServiceGot
		move ServiceMove
	}{
		"absent: ours is going away":          {absent, ServiceGot{Own: standing(want.Attributes, serviceIn(StateDeleting))}, waits(v1alpha1.ReasonDeleting)},
		"absent: ours":                        {absent, ServiceGot{Own: standing(want.Attributes)}, ServiceMove{Action: Delete}},
		"absent: ours, in creation":           {absent, ServiceGot{Own: standing(want.Attributes, serviceIn(StateCreating))}, ServiceMove{Action: Delete}},
		"absent: ours, in error":              {absent, ServiceGot{Own: standing(want.Attributes, serviceIn(StateError))}, ServiceMove{Action: Delete}},
		"absent: none of ours":                {absent, ServiceGot{}, ServiceMove{Action: None}},
		"absent: another's on the port":       {absent, ServiceGot{OnPort: on, Holder: "a/b", Rival: "c/d", Count: 10}, ServiceMove{Action: None}},
		"the NLB is another's":                {want, ServiceGot{Refusal: "theirs", OnPort: on, Count: 10}, refused(v1alpha1.ReasonInUseByOther)},
		"the NLB is another's, ours on it":    {want, ServiceGot{Refusal: "theirs", Own: standing(want.Attributes)}, ServiceMove{Action: None}},
		"absent: the NLB is another's":        {absent, ServiceGot{Refusal: "theirs", Own: standing(want.Attributes)}, ServiceMove{Action: Delete}},
		"ours is going away":                  {want, ServiceGot{Own: standing(want.Attributes, serviceIn(StateDeleting))}, waits(v1alpha1.ReasonDeleting)},
		"ours is going away, another pool":    {want, ServiceGot{Own: standing(otherPool.Attributes(), serviceIn(StateDeleting))}, waits(v1alpha1.ReasonDeleting)},
		"ours, another pool":                  {want, ServiceGot{Own: otherPool, Count: 10}, makes(Replace)},
		"ours, differs":                       {want, ServiceGot{Own: standing(wantedAttributes(func(a *ServiceAttributes) { a.TargetPort++ }))}, makes(Update)},
		"ours, differs, in creation":          {want, ServiceGot{Own: standing(wantedAttributes(func(a *ServiceAttributes) { a.TargetPort++ }), serviceIn(StateCreating))}, makes(Update)},
		"ours, in creation":                   {want, ServiceGot{Own: standing(want.Attributes, serviceIn(StateCreating))}, waits(v1alpha1.ReasonCreating)},
		"ours, the same":                      {want, ServiceGot{Own: standing(want.Attributes)}, ServiceMove{Action: None}},
		"ours, the same, on a full NLB":       {want, ServiceGot{Own: standing(want.Attributes), Rival: "a/b", Count: 10}, ServiceMove{Action: None}},
		"ours, in error":                      {want, ServiceGot{Own: standing(want.Attributes, serviceIn(StateError))}, refused(v1alpha1.ReasonCloudError)},
		"ours, in error, another pool":        {want, ServiceGot{Own: standing(otherPool.Attributes(), serviceIn(StateError))}, makes(Replace)},
		"replacing: ours, in error":           {replacing, ServiceGot{Own: standing(want.Attributes, serviceIn(StateError))}, makes(Replace)},
		"replacing: ours, error and differs":  {replacing, ServiceGot{Own: standing(wantedAttributes(func(a *ServiceAttributes) { a.TargetPort++ }), serviceIn(StateError))}, makes(Replace)},
		"replacing: ours, going away":         {replacing, ServiceGot{Own: standing(want.Attributes, serviceIn(StateDeleting))}, waits(v1alpha1.ReasonDeleting)},
		"replacing: ours, in creation":        {replacing, ServiceGot{Own: standing(want.Attributes, serviceIn(StateCreating))}, waits(v1alpha1.ReasonCreating)},
		"replacing: ours, the same":           {replacing, ServiceGot{Own: standing(want.Attributes)}, ServiceMove{Action: None}},
		"replacing: ours, differs":            {replacing, ServiceGot{Own: standing(wantedAttributes(func(a *ServiceAttributes) { a.TargetPort++ }))}, makes(Update)},
		"replacing: none":                     {replacing, ServiceGot{Count: 9}, makes(Create)},
		"absent while replacing, in error":    {ServiceWant{Absent: true, Replacing: true}, ServiceGot{Own: standing(want.Attributes, serviceIn(StateError))}, ServiceMove{Action: Delete}},
		"another object's on the port":        {want, ServiceGot{OnPort: on, Holder: "a/b"}, refused(v1alpha1.ReasonPortConflict)},
		"somebody's on the port":              {want, ServiceGot{OnPort: on}, refused(v1alpha1.ReasonPortConflict)},
		"somebody's on the port, and full":    {want, ServiceGot{OnPort: on, Count: 10}, refused(v1alpha1.ReasonPortConflict)},
		"another object goes first":           {want, ServiceGot{Rival: "a/b"}, refused(v1alpha1.ReasonPortConflict)},
		"another object goes first, and full": {want, ServiceGot{Rival: "a/b", Count: 10}, refused(v1alpha1.ReasonPortConflict)},
		"the name is another's":               {want, ServiceGot{SameName: taken}, refused(v1alpha1.ReasonInUseByOther)},
		"the name is another object's":        {want, ServiceGot{SameName: taken, NameHolder: "a/b"}, refused(v1alpha1.ReasonInUseByOther)},
		"the name is about to be free":        {want, ServiceGot{SameName: taken, NameHolder: "a/b", NameLeaves: true}, waits(v1alpha1.ReasonWaitingForOperation)},
		"port and name are another's":         {want, ServiceGot{OnPort: on, SameName: on}, refused(v1alpha1.ReasonPortConflict)},
		"the name is another's, and full":     {want, ServiceGot{SameName: taken, Count: 10}, refused(v1alpha1.ReasonInUseByOther)},
		"absent: the name is another's":       {absent, ServiceGot{Own: standing(under("old")), SameName: taken}, ServiceMove{Action: Delete}},
		"ours, renamed to another's name":     {want, ServiceGot{Own: standing(under("old")), SameName: taken}, refused(v1alpha1.ReasonInUseByOther)},
		"ours, renamed to one about to leave": {want, ServiceGot{Own: standing(under("old")), SameName: taken, NameLeaves: true}, waits(v1alpha1.ReasonWaitingForOperation)},
		"ours, renamed so, in creation":       {want, ServiceGot{Own: standing(under("old"), serviceIn(StateCreating)), SameName: taken}, waits(v1alpha1.ReasonCreating)},
		"ours, renamed so, differs, too": {want, ServiceGot{Own: standing(under("old", func(a *ServiceAttributes) { a.TargetPort++ })), SameName: taken},
			ServiceMove{Action: Update, Attributes: under("old")}},
		"ours, renamed so, another pool": {want, ServiceGot{Own: standing(under("old", func(a *ServiceAttributes) { a.InstancePoolID = "old" })), SameName: taken},
			ServiceMove{Action: Replace, Attributes: under("old")}},
		"ours has the name, and so has another": {want, ServiceGot{Own: standing(want.Attributes), SameName: taken}, ServiceMove{Action: None}},
		"replacing: the name is another's":      {derived, ServiceGot{SameName: taken, Count: 9}, ServiceMove{Action: Create, Attributes: under("uid-443")}},
		"replacing: the name is about to leave": {derived, ServiceGot{SameName: taken, NameLeaves: true}, ServiceMove{Action: Create, Attributes: under("uid-443")}},
		"the NLB is full":                       {want, ServiceGot{Count: 10}, refused(v1alpha1.ReasonServiceLimitReached)},
		"the NLB is full, with a probe service": {want, ServiceGot{Count: 10, Probes: 1}, waits(v1alpha1.ReasonWaitingForServices)},
		"the NLB is full without its probes":    {want, ServiceGot{Count: 11, Probes: 1}, refused(v1alpha1.ReasonServiceLimitReached)},
		"a probe service is on the port":        {want, ServiceGot{OnPort: &Service{Name: ProbeName("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), Port: FirstProbePort}, Holder: "a/b"}, waits(v1alpha1.ReasonWaitingForServices)},
		"the NLB is fuller than full":           {want, ServiceGot{Count: 11}, refused(v1alpha1.ReasonServiceLimitReached)},
		"none, one place left":                  {want, ServiceGot{Count: 9}, makes(Create)},
		"none":                                  {want, ServiceGot{}, makes(Create)},
	} {
		t.Run(name, func(t *testing.T) {
			got := DiffService(c.want, c.got)
			if people := got.Action == Wait || got.Action == Conflict; (got.Message != "") != people {
				t.Errorf("%s has the message %q", got.Action, got.Message)
			}
			got.Message = ""
			if diff := cmp.Diff(c.move, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestTheMark: what an older version added bears none, and nothing is written only for
// it; whatever is written bears it.
func TestTheMark(t *testing.T) {
	t.Parallel()
	mark, foreign := MarkOf("cluster", "shop", "web"), MarkOf("other", "shop", "web")
	described := func(text string, mark Mark) *Service {
		return standing(wantedAttributes(func(a *ServiceAttributes) { a.Description = Marked(text, mark) }))
	}
	want := ServiceWant{Attributes: wantedAttributes(), Mark: mark}
	due := want
	due.MarkDue = true
	long := ServiceWant{Attributes: wantedAttributes(func(a *ServiceAttributes) { a.Description = strings.Repeat("x", maxDescriptionLength) }), Mark: mark, MarkDue: true}
	marked := wantedAttributes(func(a *ServiceAttributes) { a.Description = "d " + mark.String() })
	plain := wantedAttributes()
	theirs := ServiceWant{Attributes: wantedAttributes(func(a *ServiceAttributes) {
		a.Description = strings.Repeat("x", maxDescriptionLength-1-len(foreign.String())) + " " + foreign.String()
	}), Mark: mark, MarkDue: true}
	back := ServiceWant{Absent: true, HandedBack: true}
	for name, c := range map[string]struct {
		want ServiceWant
		own  *Service
		move ServiceMove
	}{
		"none: it is added with the mark":             {want, nil, ServiceMove{Action: Create, Attributes: marked}},
		"it bears the mark":                           {want, described("d", mark), ServiceMove{Action: None}},
		"an older version added it":                   {want, described("d", Mark{}), ServiceMove{Action: None}},
		"an older version added it, and it differs":   {want, described("other", Mark{}), ServiceMove{Action: Update, Attributes: marked}},
		"its description was changed beside the mark": {want, described("other", mark), ServiceMove{Action: Update, Attributes: marked}},
		"it bears another's mark":                     {want, described("d", foreign), ServiceMove{Action: Update, Attributes: marked}},
		"somebody took the mark off":                  {due, described("d", Mark{}), ServiceMove{Action: Update, Attributes: marked}},
		"there is no room for the mark":               {long, standing(long.Attributes), ServiceMove{Action: None}},
		"the user wrote a mark, and there is no room": {theirs, standing(theirs.Attributes), ServiceMove{Action: None}},
		"handed back: the mark comes off":             {back, described("d", mark), ServiceMove{Action: Update, Attributes: plain}},
		"handed back: it bears none":                  {back, described("d", Mark{}), ServiceMove{Action: None}},
		"handed back: there is none":                  {back, nil, ServiceMove{Action: None}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.move, DiffService(c.want, ServiceGot{Own: c.own})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestUnknownIsntDifferent: an answer that leaves something out starts nothing.
func TestUnknownIsntDifferent(t *testing.T) {
	t.Parallel()
	want := ServiceWant{Attributes: wantedAttributes()}
	own := standing(wantedAttributes(func(a *ServiceAttributes) { a.InstancePoolID = "" }), func(s *Service) { s.Incomplete = []string{"instance-pool"} })
	if got := DiffService(want, ServiceGot{Own: own}); got.Action != Wait || !strings.Contains(got.Message, "instance-pool") {
		t.Errorf("got %+v", got)
	}
	lb := LoadBalancer{ID: "lb", ServicesUnknown: true}
	if got := DiffLoadBalancer(LoadBalancerWant{Deleting: true}, LoadBalancerGot{NLB: &lb, Proof: ProofLabels}); got.Action != Wait {
		t.Errorf("got %+v", got)
	}
}

func TestEveryAttributeOfAServiceIsPutRight(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*ServiceAttributes){
		"name":            func(a *ServiceAttributes) { a.Name = "x" },
		"description":     func(a *ServiceAttributes) { a.Description = "" },
		"protocol":        func(a *ServiceAttributes) { a.Protocol = UDP },
		"port":            func(a *ServiceAttributes) { a.Port = 1 },
		"target port":     func(a *ServiceAttributes) { a.TargetPort = 1 },
		"strategy":        func(a *ServiceAttributes) { a.Strategy = MaglevHash },
		"mode":            func(a *ServiceAttributes) { a.HealthCheck.Mode = ProbeTCP },
		"probed port":     func(a *ServiceAttributes) { a.HealthCheck.Port = 1 },
		"path":            func(a *ServiceAttributes) { a.HealthCheck.Path = "/" },
		"interval":        func(a *ServiceAttributes) { a.HealthCheck.Interval = time.Minute },
		"timeout":         func(a *ServiceAttributes) { a.HealthCheck.Timeout = time.Second },
		"retries":         func(a *ServiceAttributes) { a.HealthCheck.Retries = 20 },
		"TLS server name": func(a *ServiceAttributes) { a.HealthCheck.TLSServerName = "" },
	} {
		t.Run(name, func(t *testing.T) {
			got := DiffService(ServiceWant{Attributes: wantedAttributes()}, ServiceGot{Own: standing(wantedAttributes(edit))})
			if got.Action != Update {
				t.Errorf("drifted, it is answered with %s", got.Action)
			}
		})
	}
}

// TestWhatAModeHasNoUseForIsntCompared: Exoscale can't clear it.
func TestWhatAModeHasNoUseForIsntCompared(t *testing.T) {
	t.Parallel()
	for mode, want := range map[HealthCheckMode]HealthCheck{
		ProbeTCP:   {Mode: ProbeTCP},
		ProbeHTTP:  {Mode: ProbeHTTP, Path: "/left"},
		ProbeHTTPS: {Mode: ProbeHTTPS, Path: "/left", TLSServerName: "left.example"},
	} {
		service := Service{HealthCheck: HealthCheck{Mode: mode, Path: "/left", TLSServerName: "left.example"}}
		if diff := cmp.Diff(want, service.Attributes().HealthCheck); diff != "" {
			t.Errorf("%s (-want +got)\n%s", mode, diff)
		}
	}
}

func TestAConflictNamesPortAndHolder(t *testing.T) {
	t.Parallel()
	want := ServiceWant{Attributes: wantedAttributes()}
	on := standing(wantedAttributes(func(a *ServiceAttributes) { a.Name = "theirs" }))
	for name, c := range map[string]struct {
		got ServiceGot
		say []string
	}{
		"an object's":      {ServiceGot{OnPort: on, Holder: "a/b"}, []string{"443/TCP of NLB lb", "NLBService a/b"}},
		"somebody's":       {ServiceGot{OnPort: on}, []string{"443/TCP of NLB lb", `"theirs" (s1)`}},
		"who is first":     {ServiceGot{Rival: "c/d"}, []string{"443/TCP of NLB lb", "NLBService c/d, which goes first"}},
		"full":             {ServiceGot{Count: 10}, []string{"NLB lb already holds 10 services"}},
		"a name":           {ServiceGot{SameName: on}, []string{`"web" can't be added: service s1 (port 443/TCP) has that name`, "unique on NLB lb", "another service name (spec.name)"}},
		"an object's name": {ServiceGot{SameName: on, NameHolder: "a/b"}, []string{"service s1 (port 443/TCP) of NLBService a/b has that name"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.got.LoadBalancerID = "lb"
			message := DiffService(want, c.got).Message
			for _, word := range c.say {
				if !strings.Contains(message, word) {
					t.Errorf("%q doesn't say %q", message, word)
				}
			}
		})
	}
}

func TestServiceNamesAreInOrder(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"b", "a"}, ServiceNames(services("b", "a"))); diff != "" {
		t.Error(diff)
	}
}
