#!/bin/sh
# Gives an Exoscale instance its own name as hostname, before kubelet starts.
#
# All members of an instance pool boot with the same user-data, and Exoscale's
# DHCP server gives them no name. This asks the metadata service for the name of
# the instance, checks it, writes /etc/hostname and sets the hostname. Run again
# it changes nothing; without a good answer it changes nothing and ends with 1.
#
# It takes a POSIX shell (busybox's will do), curl or wget, and root. What may be
# set in the environment, above all for tests:
#
#   METADATA_URL    where to ask, one or more, in turn
#   METADATA_TRIES  how often, before it gives up
#   METADATA_PAUSE  seconds between two tries; a URL that doesn't answer takes up to 6 more
#   ETC_HOSTNAME    the file that holds the hostname
set -eu
LC_ALL=C # or [a-z] may mean capitals, too
export LC_ALL
# The service is next to the instance: no proxy leads there.
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY

# The second one needs no DNS.
METADATA_URL=${METADATA_URL:-http://metadata.exoscale.com/latest/meta-data http://169.254.169.254/1.0/meta-data}
METADATA_TRIES=${METADATA_TRIES:-60}
METADATA_PAUSE=${METADATA_PAUSE:-2}
ETC_HOSTNAME=${ETC_HOSTNAME:-/etc/hostname}

say() {
	echo "set-hostname: $*" >&2
}

fail() {
	say "$*"
	exit 1
}

has() {
	command -v "$1" >/dev/null 2>&1
}

# ask gives what the metadata service says at a URL: all of it or nothing.
# timeout, since not every busybox has a wget that knows -T.
ask() {
	if has curl; then
		set -- curl --silent --fail --max-time 5 "$1"
	else
		set -- wget -q -t 1 -O - "$1"
	fi
	if has timeout; then
		set -- timeout 6 "$@"
	fi
	if said=$("$@" 2>/dev/null); then
		printf '%s' "$said"
	fi
}

# instance_name asks until there is an answer, whatever it is.
instance_name() {
	try=1
	while :; do
		for url in $METADATA_URL; do
			told=$(ask "$url/local-hostname")
			if [ -n "$told" ]; then
				printf '%s' "$told"
				return 0
			fi
		done
		if [ "$try" -ge "$METADATA_TRIES" ]; then
			return 1
		fi
		if [ "$try" -eq 1 ]; then
			say "the metadata service doesn't tell the name yet; asking every $METADATA_PAUSE seconds, $METADATA_TRIES times at most"
		fi
		try=$((try + 1))
		sleep "$METADATA_PAUSE"
	done
}

# is_hostname takes what Kubernetes takes as the name and the hostname label of a
# Node: a DNS-1123 name of up to 63 characters. localhost is nobody's own name.
is_hostname() {
	case $1 in
	'' | *[!a-z0-9.-]* | [.-]* | *[.-] | *..* | *.-* | *-.*) return 1 ;;
	localhost | localhost.*) return 1 ;;
	esac
	[ "${#1}" -le 63 ]
}

# write_name replaces the file as a whole, so that no crash leaves half a name.
write_name() {
	printf '%s\n' "$1" >"$ETC_HOSTNAME.new" &&
		chmod 644 "$ETC_HOSTNAME.new" &&
		mv -f "$ETC_HOSTNAME.new" "$ETC_HOSTNAME" || return 1
	if has restorecon; then # SELinux
		restorecon "$ETC_HOSTNAME" || true
	fi
}

# set_name falls back on hostname while hostnamectl has no D-Bus to talk to.
set_name() {
	if has hostnamectl && hostnamectl set-hostname "$1" 2>/dev/null; then
		return 0
	fi
	hostname "$1"
}

has curl || has wget || fail "needs curl or wget to ask the metadata service; the hostname stays $(uname -n)"
told=$(instance_name) ||
	fail "no name from the metadata service ($METADATA_URL) after $METADATA_TRIES tries; the hostname stays $(uname -n). Is the network up? An instance without a public IP address has no metadata service"
name=$(printf '%s' "$told" | tr '[:upper:]' '[:lower:]') # instances may have capitals, Nodes can't
is_hostname "$name" ||
	fail "the metadata service answers \"$(printf '%s' "$told" | head -n 1 | cut -c 1-80)\", which is no hostname: a DNS-1123 name of up to 63 characters (a-z, 0-9, - and .). The hostname stays $(uname -n). Rename the instance, or the prefix of its pool"

if [ "$(cat "$ETC_HOSTNAME" 2>/dev/null || true)" != "$name" ]; then
	write_name "$name" || fail "can't write $name to $ETC_HOSTNAME"
fi
if [ "$(uname -n)" != "$name" ]; then
	set_name "$name" || fail "can't set the hostname to $name"
fi
say "the hostname is $name, the name of this instance"
