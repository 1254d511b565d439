package ports

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

func TestNoPortIsGivenTwice(t *testing.T) {
	given := map[int]bool{}
	for range 3 * portsPerBlock {
		port := Free(t)
		if given[port] || port < firstPort || port >= endOfPorts {
			t.Errorf("%d is given", port)
		}
		given[port] = true
	}
}

func TestAPortThatIsTakenIsNotFree(t *testing.T) {
	for network, listen := range map[string]func(address string) (func() error, error){
		"tcp": func(address string) (func() error, error) {
			listener, err := net.Listen("tcp4", address)
			if err != nil {
				return nil, err
			}
			return listener.Close, nil
		},
		"udp": func(address string) (func() error, error) {
			socket, err := net.ListenPacket("udp4", address)
			if err != nil {
				return nil, err
			}
			return socket.Close, nil
		},
	} {
		port := Free(t)
		end, err := listen(fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		if isFree(port) {
			t.Errorf("%s port %d is said to be free", network, port)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if !isFree(port) {
			t.Errorf("%s port %d is said to be taken", network, port)
		}
	}
}

// A process that is being started has a copy of every socket, until it has read what
// it is given: here that is much.
func TestAPortIsFreeWhateverIsStartedMeanwhile(t *testing.T) {
	program, err := exec.LookPath("true")
	if err != nil {
		t.Skip(err)
	}
	var much []string
	for range 10 {
		much = append(much, strings.Repeat("x", 100<<10))
	}
	ended := make(chan struct{})
	var starting sync.WaitGroup
	defer starting.Wait()
	defer close(ended)
	for range 4 {
		starting.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				if err := exec.Command(program, much...).Run(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	port := Free(t)
	for range 5000 {
		if !isFree(port) {
			t.Fatal("who looked last still has the port")
		}
	}
	for range portsPerBlock {
		listener, err := net.Listen("tcp4", FreeAddress(t))
		if err != nil {
			t.Fatal(err)
		}
		listener.Close()
	}
}
