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

// answersAllOver: soon, messages through the NLB are all answered, and by so many
// Pods. kube-proxy learns of ready Pods in its own time, of each Service for itself.
func (s *scene) answersAllOver(to *v1alpha1.NLBService, pods int) {
	s.Helper()
	const count = 40
	s.Eventually(func() answers { return s.send(to, count) }).Should(And(
		HaveLen(pods), WithTransform(answers.count, Equal(count))))
}

// send sends messages through the NLB, one after the other, each over a connection
// or from a port of its own.
func (s *scene) send(to *v1alpha1.NLBService, count int) answers {
	s.Helper()
	got := answers{}
	for i := range count {
		if host, err := ask(networkOf(to), addressOf(to), "message "+strconv.Itoa(i)); err == nil {
			got[host]++
		}
	}
	s.Logf("%s %s by the NLB: %d sent, %d answered (%s)", to.Spec.Protocol, addressOf(to), count, got.count(), got)
	return got
}

func networkOf(to *v1alpha1.NLBService) string {
	return strings.ToLower(string(to.Spec.Protocol)) + "4"
}

func addressOf(to *v1alpha1.NLBService) string {
	return net.JoinHostPort(to.Status.Address, strconv.Itoa(int(to.Spec.Port)))
}

// ask returns the host that answers a message with it.
func ask(network, address, message string) (host string, err error) {
	return askWithin(answerPatience, network, address, message)
}

func askWithin(patience time.Duration, network, address, message string) (host string, err error) {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	return exchange(conn, message)
}

// exchange a message for an answer.
func exchange(conn net.Conn, message string) (host string, err error) {
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
