#!/bin/sh
# Builds what the benchmark needs, runs it on loopback and prints its table. Arguments go to the benchmark:
#   ./bench.sh --quick            a few minutes less, wider intervals
#   ./bench.sh --write            writes docs/benchmarks.md
#   ./bench.sh --only throughput,stream
#   ./bench.sh --peers            installs the npm gateway and measures it beside Crew
#   ./bench.sh --nodes            three real nodes over one PostgreSQL; --write writes docs/benchmarks-nodes.md
#   ./bench.sh --console          the console in Chromium: first load, time to the overview, a long table
set -eu
cd "$(dirname "$0")"

if ! command -v dotnet >/dev/null 2>&1; then
  echo "bench.sh needs the .NET 10 SDK (dotnet) on the PATH." >&2
  exit 1
fi

if [ ! -x /usr/sbin/nginx ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  # Only the program is wanted: the package must not start a server of its own.
  echo "Installing nginx-light, which is measured beside Crew." >&2
  policy=/usr/sbin/policy-rc.d
  made=0
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1
  fi
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nginx-light; } >/dev/null 2>&1 ||
    echo "nginx-light could not be installed; going on without it." >&2
  if [ "$made" = 1 ]; then rm -f "$policy"; fi
fi

case " $* " in
  *" --peers "*)
    if command -v npm >/dev/null 2>&1; then
      echo "Installing the gateways that are measured beside Crew." >&2
      (cd bench/peers && npm ci --ignore-scripts --no-audit --no-fund >/dev/null 2>&1) ||
        echo "npm could not install them; going on without." >&2
    else
      echo "npm is not there, so no other gateway is measured." >&2
    fi
    ;;
esac

case " $* " in
  *" --self-check "* | *" --crew "* | " micro "*) ;;
  *) dotnet publish src/Host/Host.csproj -c Release -v quiet --nologo ;;
esac
dotnet build bench/Bench.csproj -c Release -v quiet --nologo
exec artifacts/bin/Bench/release/Crew.Bench "$@"
