#!/bin/sh
# Builds geth, the node that most of Ethereum runs, for the tests in test/nodes/: the last line it
# prints is the path of the program. Everything comes through Go's module proxy (and Debian's packages
# for Go itself); nothing is installed outside .node/ except Go, and that only by root.
#   scripts/install-geth.sh && GETH=$(scripts/install-geth.sh | tail -n 1)
set -eu

GETH_VERSION=v1.16.7
# What geth's go.mod asks for.
GO_MINIMUM=1.24
# The Go that the module proxy serves where the machine's own is too old to fetch a newer one by itself.
TOOLCHAIN=v0.0.1-go1.24.9
# 100 s on two cores with nothing cached; a slow proxy may need some more.
BUILD_LIMIT_SECONDS=900

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
dir=$root/.node/geth-$GETH_VERSION
log=$root/.node/geth.log

say() { printf 'geth: %s\n' "$*" >&2; }
die() {
  [ ! -s "$log" ] || tail -n 5 "$log" >&2
  say "$1"
  exit 1
}

if [ -x "$dir/geth" ] && "$dir/geth" version >/dev/null 2>&1; then
  echo "$dir/geth"
  exit 0
fi
mkdir -p "$dir"
: >"$log"

# Is version $1 at least $2?
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
version_of() { "$1" env GOVERSION 2>/dev/null | sed -n 's/^go\([0-9.]*\).*/\1/p'; }

newest_go() {
  for go in "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-*/bin/go; do
    [ -x "$go" ] && printf '%s %s\n' "$(version_of "$go")" "$go"
  done | sort -V | tail -n 1 | cut -d ' ' -f 2
}

install_go() {
  [ "$(id -u)" = 0 ] || die 'Go is not installed, and only root can install it'
  say 'installing Go with apt-get'
  apt-get update -qq </dev/null >"$log" 2>&1 || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends golang-go \
    </dev/null >>"$log" 2>&1 || die 'apt-get could not install golang-go'
}

# Since 1.21 Go fetches the version it needs; an older one can still fetch it as a module, whose files
# come without the right to be executed.
fetch_toolchain() {
  case $(uname -m) in x86_64 | amd64) cpu=amd64 ;; aarch64 | arm64) cpu=arm64 ;; *) cpu=$(uname -m) ;; esac
  platform=$(uname -s | tr '[:upper:]' '[:lower:]')-$cpu
  say "fetching $TOOLCHAIN.$platform through the module proxy"
  (cd "$dir" && "$go" mod download -json "golang.org/toolchain@$TOOLCHAIN.$platform") \
    >"$log" 2>&1 </dev/null || die 'the module proxy does not serve a newer Go'
  folder=$(sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p' "$log")
  chmod -R u+w "$folder" && chmod +x "$folder"/bin/* "$folder"/pkg/tool/*/*
  go=$folder/bin/go
}

go=$(newest_go)
if [ -z "$go" ]; then
  install_go
  go=$(newest_go)
fi
[ -n "$go" ] || die 'there is no Go'
at_least "$(version_of "$go")" "$GO_MINIMUM" || at_least "$(version_of "$go")" 1.21 || fetch_toolchain

say "building $GETH_VERSION with Go $(version_of "$go")"
GOTOOLCHAIN=auto GOBIN=$dir timeout "$BUILD_LIMIT_SECONDS" \
  "$go" install "github.com/ethereum/go-ethereum/cmd/geth@$GETH_VERSION" </dev/null >"$log" 2>&1 ||
  die "go install did not build geth $GETH_VERSION: is the Go module proxy reachable?"
"$dir/geth" version >"$log" 2>&1 || die 'geth was built, but does not run here'
echo "$dir/geth"
