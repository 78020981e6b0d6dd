#!/bin/bash
# Installs the Debian packages this project is built, run and tested with. Only what is missing is
# asked for, so a second run touches no network. Nothing is started: the lab starts its own servers.
#   install.sh demo     build it and run ./demo
#   install.sh test     and run ./test
#   install.sh matrix   and run ./test --matrix
set -euo pipefail

demo=(
	gcc libc6-dev cmake ninja-build pkg-config
	libncurses-dev libpq-dev libmariadb-dev libyaml-dev libjansson-dev libpcre2-dev libssl-dev
	postgresql-15 postgresql-client-15 mariadb-server-core mariadb-client-core
	python3 python3-psycopg2 python3-pymysql openssl procps util-linux ncurses-bin)
test=(
	libcmocka-dev libvterm-dev ccache mandoc pgbouncer haproxy)
matrix=(
	clang clang-tidy clang-format libclang-rt-14-dev libasan8 libubsan1 libtsan2
	pg-activity valgrind ca-certificates)

case "${1:-}" in
demo) wanted=("${demo[@]}") ;;
test) wanted=("${demo[@]}" "${test[@]}") ;;
matrix) wanted=("${demo[@]}" "${test[@]}" "${matrix[@]}") ;;
*)
	echo "usage: $0 demo|test|matrix" >&2
	exit 2
	;;
esac

installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii  *//p' | sort -u)
missing=()
for package in "${wanted[@]}"; do
	grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
# npm may have come from somewhere else than Debian; any will do.
if [ "$1" = matrix ] && ! command -v npm >/dev/null; then
	missing+=(npm)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
	as_root=()
elif command -v sudo >/dev/null; then
	as_root=(sudo)
	[ -t 0 ] || as_root=(sudo -n)
else
	echo "install: these packages are missing, and there is no sudo; as root run:" >&2
	echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
	exit 1
fi
root() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }
apt() { root apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"; }

policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.conf
policy_changed=
put_back() {
	[ -n "$policy_changed" ] || return 0
	if [ -e $policy.dbatop ]; then root mv -f $policy.dbatop $policy; else root rm -f $policy; fi
	policy_changed=
}
trap put_back EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# No package may start a service of its own.
hold_services() {
	policy_changed=yes
	if [ -e $policy ] && [ ! -e $policy.dbatop ]; then root mv $policy $policy.dbatop; fi
	root sh -c "printf '#!/bin/sh\nexit 101\n' > $policy && chmod 755 $policy"
}

echo "install: ${missing[*]}"
apt update
hold_services
if printf '%s\n' "${missing[@]}" | grep -q '^postgresql-15$'; then
	apt install --no-install-recommends postgresql-common
	root sed -i 's/^#\? *create_main_cluster.*/create_main_cluster = false/' $clusters
fi
apt install --no-install-recommends "${missing[@]}"
