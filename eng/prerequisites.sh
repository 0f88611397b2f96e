#!/usr/bin/env bash
# Sourced by the scripts at the root: names each tool that has to be there beforehand and is not. All else they set up themselves.

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 TESTINGPLATFORM_TELEMETRY_OPTOUT=1

require_sdk_and_node() {
  local missing=0
  if ! command -v dotnet >/dev/null || ! grep -q '^10\.0\.' <<<"$(dotnet --list-sdks)"; then
    echo "The .NET 10 SDK is missing: install it (https://dotnet.microsoft.com/download/dotnet/10.0) and run this again." >&2
    missing=1
  fi
  if ! command -v node >/dev/null || ! command -v npm >/dev/null || [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
    echo "Node.js 20 or newer with npm is missing: install it (https://nodejs.org) and run this again." >&2
    missing=1
  fi
  [ "$missing" -eq 0 ] || exit 1
}
