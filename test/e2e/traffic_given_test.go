//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/gomega"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// answerPatience is how long an answer may take before it counts as lost.
const answerPatience = 2 * time.Second

// answers to what was sent, by the host that gave them.
type answers map[string]int

func (a answers) count() (sum int) {
	for _, n := range a {
		sum += n
	}
	return sum
}

func (a answers) String() string {
	var parts []string
	for _, host := range slices.Sorted(maps.Keys(a)) {
		parts = append(parts, fmt.Sprintf("%s %d", host, a[host]))
	}
	return strings.Join(parts, ", ")
}

// sendDatagrams sends so many through the NLB, one after the other and each from a
// port of its own, so that each may go to another Pod.
func (s *scene) sendDatagrams(to *v1alpha1.NLBService, count int) answers {
	s.Helper()
	return s.send("datagrams", "udp4", to, count)
}

// sendLines sends so many lines through the NLB, each over a connection of its own.
func (s *scene) sendLines(to *v1alpha1.NLBService, count int) answers {
	s.Helper()
	return s.send("lines", "tcp4", to, count)
}

func (s *scene) send(what, network string, to *v1alpha1.NLBService, count int) answers {
	s.Helper()
	address := net.JoinHostPort(to.Status.Address, strconv.Itoa(int(to.Spec.Port)))
	got := answers{}
	for i := range count {
		if host, err := ask(network, address, "message "+strconv.Itoa(i)); err == nil {
			got[host]++
		}
	}
	s.Logf("%s through the NLB at %s: %d sent, %d answered (%s)", what, address, count, got.count(), got)
	return got
}

// ask returns the host that answers a message with it.
func ask(network, address, message string) (host string, err error) {
	conn, err := net.DialTimeout(network, address, answerPatience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerPatience)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(conn, message); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return "", err
	}
	host, echoed, _ := strings.Cut(strings.TrimSuffix(answer, "\n"), " ")
	if echoed != message {
		return "", fmt.Errorf("%q was answered by %q", message, answer)
	}
	return host, nil
}

// everybodyAnswers: every message was answered, and each of so many Pods took part.
func (s *scene) everybodyAnswers(got answers, sent, pods int) {
	s.Helper()
	s.Expect(got.count()).To(Equal(sent), "all are answered")
	s.Expect(got).To(HaveLen(pods), "by so many Pods")
}
