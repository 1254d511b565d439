package exoscale

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// exoscaleDomain is where Exoscale serves its API: api-<zone>.exoscale.com.
const exoscaleDomain = "exoscale.com"

// CheckEndpoint tells why an endpoint may not be asked; nil if it may. An empty one
// is the default. What is sent there is signed, but not hidden: it goes unencrypted
// to this machine only, or where insecure says so.
func CheckEndpoint(endpoint string, insecure bool) error {
	if endpoint == "" {
		return nil
	}
	u, err := endpointURL(endpoint)
	if err != nil {
		return err
	}
	if u.Scheme == "http" && !insecure && !loopback(u.Hostname()) {
		return fmt.Errorf("%s isn't encrypted; only an endpoint on this machine (127.0.0.1, ::1, localhost) need not be", u)
	}
	return nil
}

// endpointURL refuses what holds anything that would get lost, or leak. The error
// doesn't quote what may hold a password.
func endpointURL(endpoint string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return nil, errors.New("not a URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, fmt.Errorf("%q isn't a URL that begins with https:// and a host", u.Redacted())
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q has a user, a query or a fragment", u.Redacted())
	default:
		return u, nil
	}
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// believe tells why the endpoint that a list of zones gives for a zone isn't
// believed; nil if it is. It has the scheme of the endpoint that gave the list, and
// is of the same domain, or Exoscale's own.
func believe(base, zone string) error {
	from, err := endpointURL(base)
	if err != nil {
		return err
	}
	to, err := endpointURL(zone)
	switch {
	case err != nil:
		return err
	case to.Scheme != from.Scheme:
		return fmt.Errorf("%s doesn't begin with %s://", to, from.Scheme)
	case !sameDomain(strings.ToLower(from.Hostname()), strings.ToLower(to.Hostname())):
		return fmt.Errorf("%s is neither of the domain of %s nor of %s", to, from, exoscaleDomain)
	default:
		return nil
	}
}

func sameDomain(base, host string) bool {
	if host == base {
		return true
	}
	if isAddress(base) || isAddress(host) {
		return false
	}
	return within(host, exoscaleDomain) || within(host, base) || within(host, domainOf(base))
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// within reports whether a host is below a domain.
func within(host, domain string) bool { return domain != "" && strings.HasSuffix(host, "."+domain) }

// domainOf is the domain that a host is in, api-ch-gva-2.exoscale.com in
// exoscale.com; empty if anybody may have names in it.
func domainOf(host string) string {
	_, domain, _ := strings.Cut(host, ".")
	own, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil || domain != own && !within(domain, own) {
		return ""
	}
	return domain
}
