package udphealth

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
)

// ProcNet is where Linux tells of the sockets of our network namespace: those of
// the Pod, whosever they are. It takes no privilege.
const ProcNet = "/proc/net"

// maxAddresses of sockets at one port that are looked at.
const maxAddresses = 64

// boundTo is the addresses to which sockets with this port are bound that take
// datagrams from anybody, as the files udp and udp6 of procNet tell. Those that
// are connected to a peer don't count: they are a client's.
func boundTo(procNet string, port int32) ([]netip.Addr, error) {
	var addresses []netip.Addr
	missing := 0
	for _, name := range []string{"udp", "udp6"} {
		found, err := readSockets(filepath.Join(procNet, name), port)
		switch {
		case errors.Is(err, fs.ErrNotExist) && missing == 0:
			missing++ // that family is switched off
		case err != nil:
			return nil, fmt.Errorf("reading which sockets are bound: %w", err)
		}
		addresses = append(addresses, found...)
	}
	return addresses, nil
}

// readSockets keeps a line at a time: a node may have many thousands of sockets.
func readSockets(path string, port int32) ([]netip.Addr, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	ending := fmt.Appendf(nil, ":%04X", port)
	var addresses []netip.Addr
	lines := bufio.NewScanner(file)
	for lines.Scan() && len(addresses) < maxAddresses {
		if !bytes.Contains(lines.Bytes(), ending) {
			continue
		}
		if address, is := boundSocket(lines.Bytes(), ending); is {
			addresses = append(addresses, address)
		}
	}
	return addresses, lines.Err()
}

// stateClose is the state of a UDP socket that isn't connected (TCP_CLOSE in the
// kernel's net/tcp_states.h).
const stateClose = "07"

// boundSocket reads a line such as
//
//	1234: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 …
//
// in which an address is hexadecimal, in words of four bytes in the order of the
// processor.
func boundSocket(line, ending []byte) (netip.Addr, bool) {
	fields := bytes.Fields(line)
	if len(fields) < 4 || string(fields[3]) != stateClose {
		return netip.Addr{}, false
	}
	words, is := bytes.CutSuffix(fields[1], ending)
	if !is {
		return netip.Addr{}, false
	}
	address := make([]byte, hex.DecodedLen(len(words)))
	if _, err := hex.Decode(address, words); err != nil {
		return netip.Addr{}, false
	}
	for word := range slices.Chunk(address, 4) {
		if len(word) == 4 {
			binary.BigEndian.PutUint32(word, binary.NativeEndian.Uint32(word))
		}
	}
	return netip.AddrFromSlice(address)
}
