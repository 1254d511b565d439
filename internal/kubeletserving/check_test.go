package kubeletserving

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

func TestARequestOfAVerifiedNodeForItselfBreaksNoRule(t *testing.T) {
	for name, change := range map[string]func(*asking){
		"ECDSA without key encipherment":                     func(*asking) {},
		"ECDSA with key encipherment, as older kubelets ask": func(a *asking) { a.spec.Usages = append(a.spec.Usages, "key encipherment") },
		"RSA with key encipherment": func(a *asking) {
			a.key, a.spec.Usages = keys.rsa2048(), []certificatesv1.KeyUsage{"key encipherment", "digital signature", "server auth"}
		},
		"Ed25519":                 func(a *asking) { a.key = keys.ed25519() },
		"usages in another order": func(a *asking) { slices.Reverse(a.spec.Usages) },
		"more groups":             func(a *asking) { a.spec.Groups = append(a.spec.Groups, "system:bootstrappers") },
		"no IP address":           func(a *asking) { a.template.IPAddresses = nil },
		"no DNS name":             func(a *asking) { a.template.DNSNames = nil },
		"an IPv6 address":         func(a *asking) { a.template.IPAddresses = []net.IP{net.ParseIP("2001:db8:0::11")} },
		"several IP addresses": func(a *asking) {
			a.template.IPAddresses = []net.IP{net.ParseIP("192.0.2.11"), net.ParseIP("10.0.0.11"), net.ParseIP("2001:db8::11")}
		},
		"an IPv4 address in the form of IPv6": func(a *asking) {
			a.template.IPAddresses = nil
			a.says(alternativeNames, []asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 7, Bytes: net.ParseIP("192.0.2.11").To16()}})
		},
		"an identity that writes IPv4 in the form of IPv6": func(a *asking) {
			a.identities[0].Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeExternalIP, Address: "::ffff:192.0.2.11"}}
		},
		"all names of the node": func(a *asking) {
			a.template.DNSNames = []string{nodeName, hostname, "worker-1.local", "worker-1.internal", "worker-1.example.net"}
		},
		"a name in upper case":                   func(a *asking) { a.template.DNSNames = []string{"Worker-1"} },
		"a key usage that serves":                func(a *asking) { a.says(keyUsage, asn1.BitString{Bytes: []byte{0b10100000}, BitLength: 3}) },
		"basic constraints that say it is no CA": func(a *asking) { a.says(basicConstraints, []byte{0x30, 0x00}) },
		"Services that have other addresses, or none": func(a *asking) {
			a.serves("10.96.0.1")
			a.serves("None")
			a.serves()
		},
		"a domain that begins like that of Services": func(a *asking) { a.owns("worker-1.svc.example.net") },
		"an instance in no pool":                     func(a *asking) { a.identities[0].Status.InstancePoolID = "" },
		"blank lines around the PEM block": func(a *asking) {
			a.encoded = func(text []byte) []byte { return slices.Concat([]byte("\n"), text, []byte("\n \n")) }
		},
		"a key usage of no bits":                        func(a *asking) { a.says(keyUsage, asn1.BitString{}) },
		"a pinned address where nodes may be":           func(a *asking) { a.pinned("10.0.0.7", v1alpha1.PinnedAtFirstUse) },
		"a pinned IPv6 address where nodes may be":      func(a *asking) { a.pinned("fd00:1::7", v1alpha1.PinnedAtFirstUse) },
		"one that was certified before the upgrade":     func(a *asking) { a.pinned("192.168.1.7", v1alpha1.PinnedAtUpgrade) },
		"one that an administrator names":               func(a *asking) { a.pinned("192.168.1.7", v1alpha1.PinnedByAdministrator) },
		"a lease, where nobody says that nodes may be":  func(a *asking) { a.nodeCIDRs = nil },
		"a public address that an older operator wrote": func(a *asking) { a.identities[0].Status.NodeUID = "" },
		"a lease that something else has":               func(a *asking) { a.endpoint("10.0.0.11"); a.asks("10.0.0.11") },
		"a public address that is a Service's":          func(a *asking) { a.publishes("192.0.2.11") },
		"an endpoint of the API server, at the upgrade": func(a *asking) { a.endpoint("10.0.0.7"); a.pinned("10.0.0.7", v1alpha1.PinnedAtUpgrade) },
		"an endpoint of it that an administrator names": func(a *asking) { a.endpoint("10.0.0.7"); a.pinned("10.0.0.7", v1alpha1.PinnedByAdministrator) },
		"an endpoint of it that was certified before": func(a *asking) {
			a.endpoint("10.0.0.7")
			a.pinned("10.0.0.7", v1alpha1.PinnedAtFirstUse).Certified = true
		},
		"other addresses that are in use": func(a *asking) {
			a.endpoint("10.0.0.8")
			a.publishes("10.0.0.9")
			a.pinned("10.0.0.7", v1alpha1.PinnedAtFirstUse)
		},
		"Pods elsewhere": func(a *asking) { a.pods("10.0.0.128/25", ""); a.pinned("10.0.0.7", v1alpha1.PinnedAtFirstUse) },
	} {
		t.Run(name, func(t *testing.T) {
			a := good()
			change(a)
			if diff := cmp.Diff([]Violation(nil), Check(a.request(t))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// broken is a good request with one thing changed, and the one rule that this
// breaks.
type broken struct {
	change func(*asking)
	rule   Rule
	// found is a part of the message: what is wrong.
	found string
}

var brokenSpec = map[string]broken{
	"another signer":                     {func(a *asking) { a.spec.SignerName = "kubernetes.io/kube-apiserver-client-kubelet" }, RuleSigner, `"kubernetes.io/kube-apiserver-client-kubelet"`},
	"no signer":                          {func(a *asking) { a.spec.SignerName = "" }, RuleSigner, `signer is ""`},
	"no usages":                          {func(a *asking) { a.spec.Usages = nil }, RuleUsages, "usages are none"},
	"no server auth":                     {func(a *asking) { a.spec.Usages = a.spec.Usages[:1] }, RuleUsages, `"digital signature";`},
	"server auth alone":                  {func(a *asking) { a.spec.Usages = a.spec.Usages[1:] }, RuleUsages, `are "server auth";`},
	"client auth instead":                {func(a *asking) { a.spec.Usages[1] = "client auth" }, RuleUsages, `"client auth"`},
	"client auth too":                    {func(a *asking) { a.spec.Usages = append(a.spec.Usages, "client auth") }, RuleUsages, `"client auth"`},
	"a usage twice":                      {func(a *asking) { a.spec.Usages = append(a.spec.Usages, "server auth") }, RuleUsages, `"server auth", "server auth"`},
	"a usage twice in place of another":  {func(a *asking) { a.spec.Usages[0] = "server auth" }, RuleUsages, `"server auth", "server auth"`},
	"a user who is no node":              {func(a *asking) { a.spec.Username = "mallory" }, RuleRequestingUser, `"mallory"`},
	"a user who is a node without name":  {func(a *asking) { a.spec.Username = "system:node:" }, RuleRequestingUser, `"system:node:"`},
	"a service account":                  {func(a *asking) { a.spec.Username = "system:serviceaccount:kube-system:node" }, RuleRequestingUser, "system:serviceaccount:kube-system:node"},
	"a user outside of the nodes' group": {func(a *asking) { a.spec.Groups = []string{"system:authenticated"} }, RuleRequestingGroups, `in the groups "system:authenticated";`},
	"a user who isn't authenticated":     {func(a *asking) { a.spec.Groups = []string{"system:nodes"} }, RuleRequestingGroups, `in the groups "system:nodes";`},
	"a user without groups":              {func(a *asking) { a.spec.Groups = nil }, RuleRequestingGroups, "in the groups none"},
}

// recoded is a request whose text is changed, and which nobody can read.
func recoded(change func(text []byte) []byte, found string) broken {
	return broken{func(a *asking) { a.encoded = change }, RuleEncoding, found}
}

var brokenEncoding = map[string]broken{
	"no request":                      recoded(func([]byte) []byte { return nil }, "doesn't begin with a PEM block"),
	"text before the PEM block":       recoded(func(text []byte) []byte { return append([]byte("hello\n"), text...) }, "doesn't begin with a PEM block"),
	"text after the PEM block":        recoded(func(text []byte) []byte { return append(text, "hello"...) }, "something comes after"),
	"a second PEM block":              recoded(func(text []byte) []byte { return append(text, text...) }, "more than one PEM block"),
	"a malformed PEM block before it": recoded(func(text []byte) []byte { return append([]byte("-----BEGIN CERTIFICATE REQUEST-----\n"), text...) }, "more than one PEM block"),
	"half a PEM block":                recoded(func(text []byte) []byte { return text[:len(text)/2] }, "no whole PEM block"),
	"a PEM block of another kind": recoded(func(text []byte) []byte {
		return bytes.ReplaceAll(text, []byte("CERTIFICATE REQUEST"), []byte("NEW CERTIFICATE REQUEST"))
	}, `"NEW CERTIFICATE REQUEST"`),
	"a PEM block with headers": recoded(func(text []byte) []byte {
		block, _ := pem.Decode(text)
		block.Headers = map[string]string{"Proc-Type": "4,ENCRYPTED"}
		return pem.EncodeToMemory(block)
	}, "headers"),
	"something after the request in the PEM block": {func(a *asking) { a.sealed = func(der []byte) []byte { return append(der, 0) } }, RuleEncoding, "can't be parsed"},
	"a broken signature": {func(a *asking) {
		a.key = keys.ed25519()
		a.sealed = func(der []byte) []byte {
			der[len(der)-1] ^= 1
			return der
		}
	}, RuleSignature, "isn't signed by the key"},
	"a name changed after the signature": {func(a *asking) {
		a.template.DNSNames = []string{"worker-2"}
		a.sealed = func(der []byte) []byte { return bytes.ReplaceAll(der, []byte("worker-2"), []byte(nodeName)) }
	}, RuleSignature, "isn't signed by the key"},
	"a short RSA key":        {func(a *asking) { a.key = keys.rsa1024() }, RuleKey, "RSA of 1024 bits"},
	"a short elliptic curve": {func(a *asking) { a.key = keys.p224() }, RuleKey, "ECDSA on P-224"},
}

var brokenSubject = map[string]broken{
	"the name of another node":       {func(a *asking) { a.template.Subject.CommonName = "system:node:worker-2" }, RuleCommonName, `"system:node:worker-2"`},
	"the name without prefix":        {func(a *asking) { a.template.Subject.CommonName = nodeName }, RuleCommonName, `"worker-1"`},
	"the name in another case":       {func(a *asking) { a.template.Subject.CommonName = "system:node:Worker-1" }, RuleCommonName, `"system:node:Worker-1"`},
	"no common name":                 {func(a *asking) { a.template.Subject.CommonName = "" }, RuleCommonName, `is ""`},
	"no organisation":                {func(a *asking) { a.organisations() }, RuleOrganisation, "is none"},
	"another organisation":           {func(a *asking) { a.organisations("system:masters") }, RuleOrganisation, `"system:masters"`},
	"one more organisation":          {func(a *asking) { a.organisations("system:nodes", "system:masters") }, RuleOrganisation, `"system:masters"`},
	"the organisation twice":         {func(a *asking) { a.organisations("system:nodes", "system:nodes") }, RuleOrganisation, `"system:nodes", "system:nodes"`},
	"a unit":                         {func(a *asking) { a.attribute(asn1.ObjectIdentifier{2, 5, 4, 11}, "ops") }, RuleSubjectAttributes, `"2.5.4.11"`},
	"a country":                      {func(a *asking) { a.template.Subject.Country = []string{"CH"} }, RuleSubjectAttributes, `"2.5.4.6"`},
	"a serial number":                {func(a *asking) { a.template.Subject.SerialNumber = "1" }, RuleSubjectAttributes, `"2.5.4.5"`},
	"an e-mail address as attribute": {func(a *asking) { a.attribute(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, "root@example.net") }, RuleSubjectAttributes, "1.2.840.113549.1.9.1"},
	"a second common name": {func(a *asking) {
		a.template.Subject.CommonName = ""
		a.attribute(commonName, "admin")
		a.attribute(commonName, nodeUser)
	}, RuleSubjectAttributes, `"2.5.4.3"`},
}

var brokenExtensions = map[string]broken{
	"a CA": {func(a *asking) {
		a.says(basicConstraints, struct {
			IsCA bool
		}{true})
	}, RuleExtensions, "a CA"},
	"basic constraints that can't be read": {func(a *asking) { a.says(basicConstraints, []byte{0x04, 0x00}) }, RuleExtensions, "can't be read"},
	"a key usage that signs certificates":  {func(a *asking) { a.says(keyUsage, asn1.BitString{Bytes: []byte{0b10000100}, BitLength: 6}) }, RuleExtensions, "bit 5"},
	"a key usage that can't be read":       {func(a *asking) { a.says(keyUsage, []byte{0x30, 0x00}) }, RuleExtensions, "can't be read"},
	"an extended key usage": {func(a *asking) {
		a.says(asn1.ObjectIdentifier{2, 5, 29, 37}, []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 2}})
	}, RuleExtensions, "2.5.29.37"},
	"name constraints": {func(a *asking) { a.says(asn1.ObjectIdentifier{2, 5, 29, 30}, []byte{0x30, 0x00}) }, RuleExtensions, "2.5.29.30"},
}

var brokenNames = map[string]broken{
	"nothing named":     {func(a *asking) { a.template.DNSNames, a.template.IPAddresses = nil, nil }, RuleNamesGiven, "no DNS name and no IP address"},
	"an e-mail address": {func(a *asking) { a.template.EmailAddresses = []string{"root@worker-1"} }, RuleNamesKind, `"e-mail address"`},
	"a URI":             {func(a *asking) { a.template.URIs = []*url.URL{{Scheme: "spiffe", Host: nodeName}} }, RuleNamesKind, `"URI"`},
	"a registered id":   {func(a *asking) { a.names(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 8, Bytes: []byte{42}}) }, RuleNamesKind, `"registered id"`},
	"a directory name": {func(a *asking) {
		name := must(asn1.Marshal(pkix.Name{CommonName: "admin"}.ToRDNSequence()))
		a.names(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: name})
	}, RuleNamesKind, `"directory name"`},
	"a name of no kind at all":           {func(a *asking) { a.names(asn1.RawValue{Class: asn1.ClassUniversal, Tag: 2, Bytes: []byte{1}}) }, RuleNamesKind, `"unknown kind"`},
	"the DNS name of another node":       {func(a *asking) { a.template.DNSNames = []string{"worker-2"} }, RuleDNSNames, `"worker-2" aren't those of node "worker-1"`},
	"a DNS name of another, too":         {func(a *asking) { a.template.DNSNames = append(a.template.DNSNames, "api.example.net") }, RuleDNSNames, `names "api.example.net" aren't`},
	"a wildcard":                         {func(a *asking) { a.template.DNSNames = []string{"*.internal"} }, RuleDNSNames, `"*.internal"`},
	"a name below the node's":            {func(a *asking) { a.template.DNSNames = []string{"api.worker-1"} }, RuleDNSNames, `"api.worker-1"`},
	"the node's name with a dot":         {func(a *asking) { a.template.DNSNames = []string{"worker-1."} }, RuleDNSNames, `"worker-1."`},
	"an address of the node as DNS name": {func(a *asking) { a.template.DNSNames = []string{"192.0.2.11"} }, RuleDNSNames, `"192.0.2.11"`},
	"the IP address of another node":     {func(a *asking) { a.template.IPAddresses = []net.IP{net.ParseIP("192.0.2.12")} }, RuleIPAddresses, `"192.0.2.12" aren't those of node "worker-1"`},
	"an IP address of another, too":      {func(a *asking) { a.template.IPAddresses = append(a.template.IPAddresses, net.ParseIP("10.96.0.1")) }, RuleIPAddresses, `addresses "10.96.0.1" aren't`},
	"the IPv6 address of another":        {func(a *asking) { a.template.IPAddresses = []net.IP{net.ParseIP("2001:db8::12")} }, RuleIPAddresses, `"2001:db8::12"`},
	"an address that the identity has as a name only": {func(a *asking) {
		a.identities[0].Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: "192.0.2.11"}}
	}, RuleIPAddresses, "which has none"},
}

var brokenIdentity = map[string]broken{
	"no NodeIdentity":    {func(a *asking) { a.identities = nil }, RuleNodeIdentity, `node "worker-1" has no NodeIdentity`},
	"two NodeIdentities": {func(a *asking) { a.identities = append(a.identities, verified("i-2", nodeName)) }, RuleNodeIdentity, `"i-1", "i-2"`},
	"another node's NodeIdentity": {func(a *asking) {
		a.identities[0].Status.NodeName = "worker-2"
		a.template.DNSNames = nil
	}, RuleNodeIdentity, `is that of node "worker-2"`},
	"not verified": {func(a *asking) {
		c := &a.identities[0].Status.Conditions[0]
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, "InUseByOther", "Instance x is node y."
	}, RuleVerified, "InUseByOther: Instance x is node y"},
	"unknown whether verified":      {func(a *asking) { a.identities[0].Status.Conditions[0].Status = metav1.ConditionUnknown }, RuleVerified, "isn't verified"},
	"not looked at yet":             {func(a *asking) { a.identities[0].Status.Conditions = nil }, RuleVerified, "has yet to be compared"},
	"changed since it was verified": {func(a *asking) { a.identities[0].Generation++ }, RuleVerified, "it has changed"},
	"verified as it was before": {func(a *asking) {
		a.identities[0].Generation++
		a.identities[0].Status.ObservedGeneration++
	}, RuleVerified, "it has changed"},
	"an earlier node's of that name": {func(a *asking) { a.nodeUID = "uid-2" }, RuleNodeIdentity, `is about an earlier node "worker-1"`},
	"a node that is gone":            {func(a *asking) { a.nodeUID = "" }, RuleNodeIdentity, "is about an earlier node"},
	"being deleted":                  {func(a *asking) { a.identities[0].DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }, RuleVerified, "being deleted"},
}

// owned asks for what the node's own identity has.
func owned(nameOrAddress string, rule Rule, found string) broken {
	return broken{func(a *asking) { a.owns(nameOrAddress) }, rule, found}
}

var brokenCluster = map[string]broken{
	"the API server's short name":  owned("kubernetes", RuleClusterNames, `"kubernetes" stand for`),
	"its name with its namespace":  owned("kubernetes.default", RuleClusterNames, `"kubernetes.default"`),
	"its name as a Service":        owned("kubernetes.default.svc", RuleClusterNames, `"kubernetes.default.svc"`),
	"its whole name":               owned("Kubernetes.default.svc.cluster.local", RuleClusterNames, `"Kubernetes.default.svc.cluster.local"`),
	"a Service's name with a dot":  owned("web.shop.svc.", RuleClusterNames, `"web.shop.svc."`),
	"localhost":                    owned("localhost", RuleClusterNames, `"localhost"`),
	"a name below localhost":       owned("x.localhost", RuleClusterNames, `"x.localhost"`),
	"loopback":                     owned("127.0.0.1", RuleClusterAddresses, `"127.0.0.1" stand for`),
	"loopback in IPv6":             owned("::1", RuleClusterAddresses, `"::1"`),
	"the address of no host":       owned("0.0.0.0", RuleClusterAddresses, `"0.0.0.0"`),
	"a link-local address":         owned("169.254.169.254", RuleClusterAddresses, `"169.254.169.254"`),
	"a link-local address in IPv6": owned("fe80::1", RuleClusterAddresses, `"fe80::1"`),
	"a multicast address":          owned("224.0.0.1", RuleClusterAddresses, `"224.0.0.1"`),
	"broadcast":                    owned("255.255.255.255", RuleClusterAddresses, `"255.255.255.255"`),
	"the address of a Service": {func(a *asking) {
		a.serves("10.96.0.1", "fd00::1")
		a.owns("10.96.0.1")
	}, RuleClusterAddresses, `"10.96.0.1 of Service default/kubernetes"`},
	"the IPv6 address of a Service": {func(a *asking) {
		a.serves("10.96.0.1", "fd00::1")
		a.owns("fd00::1")
	}, RuleClusterAddresses, `"fd00::1 of Service default/kubernetes"`},
}

// claimed asks for what only the node tells of, and that isn't certified yet.
func claimed(address string, given func(*asking), rule Rule, found string) broken {
	return broken{func(a *asking) {
		given(a)
		a.pinned(address, v1alpha1.PinnedAtFirstUse)
	}, rule, found}
}

var brokenUnproven = map[string]broken{
	"an address that nobody has pinned":        {func(a *asking) { a.tells("10.0.0.7") }, RulePinnedAddresses, `"10.0.0.7" have yet to be pinned in NodeIdentity i-1`},
	"one outside of where nodes may be":        claimed("192.168.1.7", func(*asking) {}, RuleNodeCIDRs, `"192.168.1.7", and they aren't in --node-cidrs, which names "10.0.0.0/24", "fd00:1::/64"`),
	"one where nobody says where nodes may be": claimed("10.0.0.7", func(a *asking) { a.nodeCIDRs = nil }, RuleNodeCIDRs, "--node-cidrs, which names none"),
	"one outside, though it was certified before": {func(a *asking) {
		a.pinned("192.168.1.7", v1alpha1.PinnedAtFirstUse).Certified = true
	}, RuleNodeCIDRs, `"192.168.1.7"`},
	"an endpoint of the API server": claimed("10.0.0.7", func(a *asking) { a.endpoint("10.0.0.7") }, RuleAddressesInUse,
		`"10.0.0.7, which is an endpoint of Service default/kubernetes, the API server"; if it is`),
	"how an administrator says that it's the node's": claimed("10.0.0.7", func(a *asking) { a.endpoint("10.0.0.7") }, RuleAddressesInUse,
		"kubectl annotate nodeidentity i-1 --overwrite nlb.exoscale.com/pinned-addresses=10.0.0.7"),
	"that of a load balancer":           claimed("10.0.0.7", func(a *asking) { a.publishes("10.0.0.7") }, RuleAddressesInUse, "the load balancer's of Service shop/web"),
	"one in the form of IPv6":           claimed("10.0.0.7", func(a *asking) { a.publishes("::ffff:10.0.0.7") }, RuleAddressesInUse, "shop/web"),
	"an external IP":                    claimed("10.0.0.7", func(a *asking) { a.serves("None"); a.cluster.Services[0].Spec.ExternalIPs = []string{"10.0.0.7"} }, RuleAddressesInUse, "an external IP of Service default/kubernetes"),
	"that of one of our load balancers": claimed("10.0.0.7", func(a *asking) { a.nlb("10.0.0.7") }, RuleAddressesInUse, "that of NetworkLoadBalancer shop/edge"),
	"that of a Pod":                     claimed("10.0.0.7", func(a *asking) { a.pods("10.0.0.0/28", "") }, RuleAddressesInUse, "in 10.0.0.0/28, where the Pods of Node worker-9 are"),
	"the IPv6 address of a Pod":         claimed("fd00:1::7", func(a *asking) { a.pods("10.244.0.0/24", "fd00:1::/112") }, RuleAddressesInUse, "in fd00:1::/112"),
	"the address of a Service, though an administrator names it": {func(a *asking) {
		a.serves("10.96.0.1")
		a.pinned("10.96.0.1", v1alpha1.PinnedByAdministrator)
	}, RuleClusterAddresses, `"10.96.0.1 of Service default/kubernetes"`},
	"the address of a Service, though it was verified before the upgrade": {func(a *asking) {
		a.serves("10.96.0.1")
		a.pinned("10.96.0.1", v1alpha1.PinnedAtUpgrade)
	}, RuleClusterAddresses, `"10.96.0.1 of Service default/kubernetes"`},
}

func TestEachRuleIsBrokenAlone(t *testing.T) {
	seen := map[Rule]bool{}
	for _, table := range []map[string]broken{brokenSpec, brokenEncoding, brokenSubject, brokenExtensions, brokenNames, brokenIdentity, brokenCluster, brokenUnproven} {
		for name, test := range table {
			seen[test.rule] = true
			t.Run(name, func(t *testing.T) {
				a := good()
				test.change(a)
				got := Check(a.request(t))
				if len(got) != 1 || got[0].Rule != test.rule {
					t.Fatalf("want %s alone, got %+v", test.rule, got)
				}
				if !strings.Contains(got[0].Message, test.found) {
					t.Errorf("%q isn't told in %q", test.found, got[0].Message)
				}
			})
		}
	}
	for _, r := range rules {
		if !seen[r.rule] {
			t.Errorf("no request breaks %s", r.rule)
		}
	}
}

func TestAllRulesThatAreBrokenAreToldInOrder(t *testing.T) {
	a := good()
	a.spec.Usages = nil
	a.spec.Username = "system:node:worker-2"
	a.identities[0] = verified("i-2", "worker-2")
	a.template.IPAddresses = append(a.template.IPAddresses, net.ParseIP("192.0.2.99"))
	var got []Rule
	for _, violation := range Check(a.request(t)) {
		got = append(got, violation.Rule)
	}
	if diff := cmp.Diff([]Rule{RuleUsages, RuleCommonName, RuleDNSNames, RuleIPAddresses}, got); diff != "" {
		t.Error(diff)
	}
}

func TestThousandsOfNamesAreToldInFew(t *testing.T) {
	a := good()
	for i := range 5000 {
		a.template.DNSNames = append(a.template.DNSNames, fmt.Sprintf("other-%d", i))
	}
	got := Check(a.request(t))
	if len(got) != 1 || len(got[0].Message) > 400 || !strings.Contains(got[0].Message, "and 4995 more") {
		t.Errorf("got %+v", got)
	}
}

func TestOnlyWhatIsAskedForAndWasPinnedAtFirstUseIsCertifiedForTheFirstTime(t *testing.T) {
	a := good()
	a.pinned("10.0.0.7", v1alpha1.PinnedAtFirstUse)
	a.pinned("10.0.0.8", v1alpha1.PinnedAtFirstUse).Certified = true
	a.pinned("10.0.0.9", v1alpha1.PinnedAtUpgrade)
	a.pinned("10.0.0.10", v1alpha1.PinnedByAdministrator)
	a.pinned("10.0.0.12", v1alpha1.PinnedAtFirstUse)
	a.template.IPAddresses = slices.DeleteFunc(a.template.IPAddresses, func(ip net.IP) bool { return ip.String() == "10.0.0.12" })
	if diff := cmp.Diff([]string{"10.0.0.7"}, FirstCertified(a.request(t))); diff != "" {
		t.Error(diff)
	}
}

func TestTheNodeIsWhoAsks(t *testing.T) {
	for user, want := range map[string]string{nodeUser: nodeName, "system:node:": "", "worker-1": "", "System:node:worker-1": ""} {
		csr := &certificatesv1.CertificateSigningRequest{Spec: certificatesv1.CertificateSigningRequestSpec{Username: user}}
		if got := NodeName(csr); got != want {
			t.Errorf("%q: got %q, want %q", user, got, want)
		}
	}
}
