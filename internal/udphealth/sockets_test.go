package udphealth

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/exoscale-community/nlb-operator/test/ports"
)

const heading = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"

// entry is a line as the kernel writes it.
func entry(address string, port int, state string) string {
	words := netip.MustParseAddr(address).AsSlice()
	var local strings.Builder
	for word := range slices.Chunk(words, 4) {
		fmt.Fprintf(&local, "%08X", binary.NativeEndian.Uint32(word))
	}
	return fmt.Sprintf(" 1234: %s:%04X %s:0000 %s 00000000:00000000 00:00000000 00000000  1000        0 31415 2 0000000000000000 0\n",
		&local, port, strings.Repeat("0", local.Len()), state)
}

func givenProcNet(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestBoundTo(t *testing.T) {
	for name, test := range map[string]struct {
		udp, udp6 string
		want      []string
	}{
		"nobody":                       {"", "", nil},
		"everybody over IPv4":          {entry("0.0.0.0", 53, "07"), "", []string{"0.0.0.0"}},
		"everybody over IPv6":          {"", entry("::", 53, "07"), []string{"::"}},
		"one address each":             {entry("10.1.2.3", 53, "07"), entry("fd00::1:2", 53, "07"), []string{"10.1.2.3", "fd00::1:2"}},
		"several sockets":              {entry("127.0.0.1", 53, "07") + entry("10.0.0.1", 53, "07"), "", []string{"127.0.0.1", "10.0.0.1"}},
		"another port":                 {entry("0.0.0.0", 54, "07"), entry("::", 5353, "07"), nil},
		"a client with that port":      {entry("10.0.0.1", 53, "01"), "", nil},
		"a line that is cut":           {" 1234: 00000000:0035", "", nil},
		"a line that isn't one":        {":0035 :0035 :0035 07\n:0035 x:0035 a 07", "", nil},
		"an address of another length": {" 1: 0000:0035 00000000:0000 07", "", nil},
		"an address that is no number": {" 1: 0000000G:0035 00000000:0000 07", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			addresses, err := boundTo(givenProcNet(t, map[string]string{"udp": heading + test.udp, "udp6": heading + test.udp6}), 53)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, address := range addresses {
				got = append(got, address.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBoundToWithoutAFamily(t *testing.T) {
	one := givenProcNet(t, map[string]string{"udp": heading + entry("0.0.0.0", 53, "07")})
	if addresses, err := boundTo(one, 53); err != nil || len(addresses) != 1 {
		t.Errorf("without IPv6: %v, %v", addresses, err)
	}
	if _, err := boundTo(t.TempDir(), 53); err == nil || !strings.Contains(err.Error(), "reading which sockets are bound") {
		t.Errorf("without both: %v", err)
	}
}

func TestBoundToKeepsAFewAddresses(t *testing.T) {
	many := givenProcNet(t, map[string]string{"udp": heading + strings.Repeat(entry("10.0.0.1", 53, "07"), 10000)})
	if addresses, err := boundTo(many, 53); err != nil || len(addresses) != maxAddresses {
		t.Errorf("%d addresses, %v", len(addresses), err)
	}
}

// TestTheKernelIsRead: the format is the kernel's, whatever the lines above say.
func TestTheKernelIsRead(t *testing.T) {
	if _, err := os.Stat(filepath.Join(ProcNet, "udp")); err != nil {
		t.Skipf("sockets are told by Linux only: %v", err)
	}
	for _, host := range []string{"127.0.0.1", "127.1.2.3", "::1", ""} {
		socket, err := net.ListenPacket("udp", net.JoinHostPort(host, strconv.Itoa(ports.Free(t)))) // nobody has it elsewhere
		if err != nil {
			t.Logf("%s can't be bound here: %v", host, err)
			continue
		}
		local := socket.LocalAddr().(*net.UDPAddr).AddrPort()
		addresses, err := boundTo(ProcNet, int32(local.Port()))
		if err != nil || len(addresses) != 1 || addresses[0].Unmap() != local.Addr().Unmap() {
			t.Errorf("bound to %s, told %v (%v)", local, addresses, err)
		}
		socket.Close()
		if addresses, err := boundTo(ProcNet, int32(local.Port())); err != nil || len(addresses) > 0 {
			t.Errorf("closed %s, told %v (%v)", local, addresses, err)
		}
	}
}

func TestWhereToAsk(t *testing.T) {
	for bound, want := range map[string]string{
		"":                    "",
		"0.0.0.0":             "127.0.0.1",
		"::":                  "127.0.0.1 ::1",
		"0.0.0.0 ::":          "127.0.0.1 ::1",
		"10.0.0.1":            "10.0.0.1",
		"127.0.0.1 10.0.0.1":  "10.0.0.1 127.0.0.1",
		"::1 fd00::1":         "fd00::1 ::1",
		"224.0.0.251 fe80::1": "",
		"0.0.0.0 127.0.0.1":   "127.0.0.1",
	} {
		var addresses []netip.Addr
		for text := range strings.FieldsSeq(bound) {
			addresses = append(addresses, netip.MustParseAddr(text))
		}
		var got []string
		for _, address := range whereToAsk(addresses) {
			got = append(got, address.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("bound to %q, asked at %v, want %q", bound, got, want)
		}
	}
}
