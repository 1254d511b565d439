package nodenames

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/test/exosim"
	"github.com/exoscale-community/nlb-operator/test/metadata"
	"github.com/exoscale-community/nlb-operator/test/ports"
)

// worker is an instance as pools name them.
var worker = metadata.Instance{ID: "5b1a3c1e-0a52-4f0c-8f0e-5f5f3a9f0c11", Name: "workers-a1b2c"}

// Nothing that the two members are given differs but the address that Exoscale
// gave them.
func TestMembersWithOneUserDataGetNamesOfTheirOwn(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl isn't installed")
	}
	cloud, err := exosim.New(exosim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	members := cloud.Members(cloud.AddPool("", exosim.InstancePool{Name: "workers", Size: 2}).ID)
	addresses := []string{"127.0.0.11", "127.0.0.12"}
	url := serve(t, metadata.ByAddress(func(from netip.Addr) (metadata.Instance, bool) {
		for i, address := range addresses {
			if from == netip.MustParseAddr(address) {
				return metadata.Instance{ID: members[i].ID, Name: members[i].Name}, true
			}
		}
		return metadata.Instance{}, false
	}))
	got := map[string]bool{}
	for i, address := range addresses {
		m := boot(t, url)
		m.install(t, "curl", "#!/bin/sh\nexec "+curl+" --interface "+address+" \"$@\"\n")
		if code, said := m.run(t); code != 0 {
			t.Fatal(said)
		}
		want := [2]string{members[i].Name, members[i].Name}
		if diff := cmp.Diff(want, m.names(t)); diff != "" {
			t.Error("-want +got\n" + diff)
		}
		got[m.read(t, "hostname")] = true
	}
	if len(got) != 2 {
		t.Errorf("the members are called %v", got)
	}
}

func TestEveryShellWithEveryClientSetsTheName(t *testing.T) {
	for shell, command := range shells() {
		for client, script := range clients(t) {
			t.Run(shell+" with "+client, func(t *testing.T) {
				service := metadata.Of(worker)
				m := boot(t, serve(t, service))
				m.shell = command
				m.remove(t, "curl", "wget")
				m.install(t, strings.TrimPrefix(client, "busybox "), script)
				m.tries = "4"
				service.Next(metadata.Silence(), metadata.Answer(http.StatusInternalServerError, "later"), metadata.Torn("workers"))
				code, said := m.run(t)
				if code != 0 || m.names(t) != [2]string{"workers-a1b2c", "workers-a1b2c"} {
					t.Errorf("%d, %v\n%s", code, m.names(t), said)
				}
				service.Next(times(4, metadata.Answer(http.StatusOK, "No_Hostname"))...)
				if code, said = m.run(t); code != 1 || m.names(t) != [2]string{"workers-a1b2c", "workers-a1b2c"} {
					t.Errorf("%d, %v\n%s", code, m.names(t), said)
				}
			})
		}
	}
}

func TestTheNetworkMayComeLate(t *testing.T) {
	address := ports.FreeAddress(t)
	m := boot(t, "http://"+address+"/latest/meta-data")
	m.tries = "1000000"
	// The first pause lasts until the network is up.
	m.remove(t, "sleep")
	m.install(t, "sleep", "#!/bin/sh\necho paused >\""+m.path("paused")+"\"\nread up <\""+m.path("up")+"\"\n")
	if err := exec.CommandContext(t.Context(), "mkfifo", m.path("up"), m.path("paused")).Run(); err != nil {
		t.Skip("no mkfifo here: ", err)
	}
	go func() {
		defer func() { _ = os.WriteFile(m.path("up"), []byte("up\n"), 0o600) }()
		if _, err := os.ReadFile(m.path("paused")); err != nil {
			t.Error(err)
			return
		}
		late, err := net.Listen("tcp4", address)
		if err != nil {
			t.Error(err)
			return
		}
		server := &http.Server{Handler: metadata.Of(worker), ReadHeaderTimeout: patience}
		t.Cleanup(func() { _ = server.Close() })
		go func() { _ = server.Serve(late) }()
	}()
	code, said := m.run(t)
	if code != 0 || m.read(t, "hostname") != worker.Name {
		t.Errorf("%d, %v\n%s", code, m.names(t), said)
	}
	if !strings.Contains(said, "the metadata service doesn't tell the name yet") {
		t.Errorf("it says nothing of its waiting:\n%s", said)
	}
}

func TestItGivesUpAfterItsTries(t *testing.T) {
	service := metadata.Of(worker)
	m := boot(t, serve(t, service))
	service.Next(times(3, metadata.Silence())...)
	code, said := m.run(t)
	if code != 1 || !strings.Contains(said, "no name from the metadata service") || !strings.Contains(said, "after 3 tries") {
		t.Errorf("%d\n%s", code, said)
	}
	if service.Asked() != 3 {
		t.Errorf("it asked %d times", service.Asked())
	}
	if got := m.names(t); got != [2]string{"(none)", "localhost"} {
		t.Error(got)
	}
}

func TestTheSecondURLIsAskedWhereTheFirstIsSilent(t *testing.T) {
	deaf := metadata.Of(metadata.Instance{Name: "another"})
	deaf.Next(metadata.Silence())
	m := boot(t, serve(t, deaf)+" "+serve(t, metadata.Of(worker)))
	if code, said := m.run(t); code != 0 || m.read(t, "hostname") != worker.Name {
		t.Errorf("%d, %v\n%s", code, m.names(t), said)
	}
}

func TestABadAnswerChangesNothing(t *testing.T) {
	html := "<html>\n<head><title>Sign in</title></head>\n</html>\n"
	for answer, c := range map[string]struct {
		with http.Handler
		says string
	}{
		"no body":               {metadata.Answer(http.StatusOK, ""), "no name from the metadata service"},
		"a newline":             {metadata.Answer(http.StatusOK, "\n"), "no name from the metadata service"},
		"500":                   {metadata.Answer(http.StatusInternalServerError, "workers-a1b2c"), "no name from the metadata service"},
		"404":                   {metadata.Answer(http.StatusNotFound, "not-found"), "no name from the metadata service"},
		"half a name":           {metadata.Torn("workers-a1"), "no name from the metadata service"},
		"no answer":             {metadata.Silence(), "no name from the metadata service"},
		"a page":                {metadata.Answer(http.StatusOK, html), `answers "<html>", which is no hostname`},
		"an underscore":         {metadata.Answer(http.StatusOK, "worker_1"), "which is no hostname"},
		"a blank":               {metadata.Answer(http.StatusOK, "worker 1"), "which is no hostname"},
		"two lines":             {metadata.Answer(http.StatusOK, "worker-1\nworker-2"), "which is no hostname"},
		"an umlaut":             {metadata.Answer(http.StatusOK, "müller"), "which is no hostname"},
		"a command":             {metadata.Answer(http.StatusOK, "$(reboot)"), `answers "$(reboot)", which is no hostname`},
		"a hyphen first":        {metadata.Answer(http.StatusOK, "-worker"), "which is no hostname"},
		"a hyphen last":         {metadata.Answer(http.StatusOK, "worker-"), "which is no hostname"},
		"a dot first":           {metadata.Answer(http.StatusOK, ".worker"), "which is no hostname"},
		"a dot last":            {metadata.Answer(http.StatusOK, "worker."), "which is no hostname"},
		"an empty label":        {metadata.Answer(http.StatusOK, "worker..example"), "which is no hostname"},
		"a label with a hyphen": {metadata.Answer(http.StatusOK, "worker.-example"), "which is no hostname"},
		"64 characters":         {metadata.Answer(http.StatusOK, strings.Repeat("a", 64)), "of up to 63 characters"},
		"localhost":             {metadata.Answer(http.StatusOK, "localhost"), "which is no hostname"},
		"localhost, qualified":  {metadata.Answer(http.StatusOK, "localhost.localdomain"), "which is no hostname"},
	} {
		t.Run(answer, func(t *testing.T) {
			service := metadata.Of(worker)
			m := boot(t, serve(t, service))
			m.write(t, "hostname", "template\n")
			service.Next(times(3, c.with)...)
			code, said := m.run(t)
			if code != 1 || !strings.Contains(said, c.says) || !strings.Contains(said, "he hostname stays localhost") {
				t.Errorf("%d: want %q in\n%s", code, c.says, said)
			}
			if got := m.names(t); got != [2]string{"template", "localhost"} {
				t.Error(got)
			}
		})
	}
}

func TestGoodNamesAreTaken(t *testing.T) {
	for _, name := range []string{"a", "0", "worker-1", "worker-1.example.com", "w--1", "localhost-1", strings.Repeat("a", 63)} {
		m := boot(t, serve(t, metadata.Of(metadata.Instance{Name: name})))
		if code, said := m.run(t); code != 0 || m.names(t) != [2]string{name, name} {
			t.Errorf("%s: %d, %v\n%s", name, code, m.names(t), said)
		}
	}
}

func TestCapitalsOfAnInstanceAreNoneOfItsNode(t *testing.T) {
	m := boot(t, serve(t, metadata.Of(metadata.Instance{Name: "Worker-A"})))
	if code, said := m.run(t); code != 0 || m.names(t) != [2]string{"worker-a", "worker-a"} {
		t.Errorf("%d, %v\n%s", code, m.names(t), said)
	}
}

func TestASecondRunChangesNothing(t *testing.T) {
	m := boot(t, serve(t, metadata.Of(worker)))
	if code, said := m.run(t); code != 0 {
		t.Fatal(said)
	}
	before, err := os.Stat(m.path("hostname"))
	if err != nil {
		t.Fatal(err)
	}
	m.remove(t, "hostname", "mv", "chmod") // it can't change anything
	if code, said := m.run(t); code != 0 {
		t.Fatal(said)
	}
	after, err := os.Stat(m.path("hostname"))
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("it has written the file again")
	}
}

func TestAnOldNameIsReplacedAsAWhole(t *testing.T) {
	m := boot(t, serve(t, metadata.Of(worker)))
	m.write(t, "hostname", "a-name-of-the-template-that-is-longer\n# and a comment\n")
	if code, said := m.run(t); code != 0 || m.names(t) != [2]string{worker.Name, worker.Name} {
		t.Errorf("%d, %v\n%s", code, m.names(t), said)
	}
	if left := m.read(t, "hostname.new"); left != "(none)" {
		t.Errorf("it leaves %q behind", left)
	}
}

func TestHostnamectlSetsTheNameWhereItIs(t *testing.T) {
	m := boot(t, serve(t, metadata.Of(worker)))
	m.install(t, "hostnamectl", fakeHostnamectl)
	if code, said := m.run(t); code != 0 || m.names(t) != [2]string{worker.Name, worker.Name} {
		t.Errorf("%d, %v\n%s", code, m.names(t), said)
	}
	if m.read(t, "calls") != "hostnamectl" {
		t.Error("hostnamectl wasn't asked")
	}
}

func TestWithoutDBusTheNameIsSetAllTheSame(t *testing.T) {
	m := boot(t, serve(t, metadata.Of(worker)))
	m.install(t, "hostnamectl", noDBus)
	if code, said := m.run(t); code != 0 || m.names(t) != [2]string{worker.Name, worker.Name} {
		t.Errorf("%d, %v\n%s", code, m.names(t), said)
	}
}

func TestWhatFailsIsSaid(t *testing.T) {
	for what, c := range map[string]struct {
		breaks func(*machine)
		says   string
	}{
		"neither curl nor wget": {func(m *machine) { m.remove(t, "curl", "wget") }, "needs curl or wget"},
		"the file can't be written": {func(m *machine) {
			m.remove(t, "mv")
			m.install(t, "mv", "#!/bin/sh\nexit 1\n")
		}, "can't write workers-a1b2c to "},
		"the name can't be set": {func(m *machine) { m.install(t, "hostname", "#!/bin/sh\nexit 1\n") }, "can't set the hostname to workers-a1b2c"},
	} {
		t.Run(what, func(t *testing.T) {
			m := boot(t, serve(t, metadata.Of(worker)))
			c.breaks(m)
			if code, said := m.run(t); code != 1 || !strings.Contains(said, c.says) {
				t.Errorf("%d: want %q in\n%s", code, c.says, said)
			}
			if m.read(t, "kernel") != "localhost" {
				t.Error("it has set a name")
			}
		})
	}
}
