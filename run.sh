#!/usr/bin/env bash
# Builds the server and serves. Arguments go to `crew serve`, such as --data DIR or --urls http://127.0.0.1:7080.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$root/eng/prerequisites.sh"

require_sdk_and_node
dotnet build "$root/src/Host" --configuration Release --verbosity quiet >&2
exec "$root/artifacts/bin/Host/release/crew" serve "$@"
