// Publishing without a client: what each protocol's clients send, for tests about something else.

import { createHash } from "node:crypto";

import { tarball } from "../../upstream/archive.mjs";
import { crate } from "../../upstream/cargo-packages.mjs";
import { fileName, folder, jar, pom } from "../../upstream/maven-packages.mjs";
import { nupkg } from "../../upstream/nuget-packages.mjs";
import { wheel } from "../../upstream/pypi-packages.mjs";

/**
 * Publishes into the feed at `base` (`.../_packaging/{feed}/`): `publisher(base, token).npm(name, version, about)`, and so on
 * for each protocol. Each resolves to `{ bytes, file }` of what was published, or throws what was answered.
 */
export function publisher(base, token) {
  const send = async (method, path, body, headers = {}) => {
    const options = { method, body, headers: { authorization: `Bearer ${token}`, ...headers } };
    const response = await fetch(base + path, options);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} -> ${response.status}: ${text.slice(0, 500)}`);
  };
  return {
    async npm(name, version, { files = {}, ...about } = {}) {
      const manifest = { name, version, description: `published ${name}`, ...about };
      const packed = { "package.json": JSON.stringify(manifest), "README.md": `# ${name}\n`, ...files };
      const bytes = tarball(Object.fromEntries(Object.entries(packed).map(([path, content]) => [`package/${path}`, content])));
      const file = `${name.split("/").at(-1)}-${version}.tgz`;
      const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
      const attachment = { content_type: "application/octet-stream", data: bytes.toString("base64"), length: bytes.length };
      const document = {
        _id: name,
        name,
        "dist-tags": { [version.includes("-") ? "next" : "latest"]: version },
        versions: { [version]: { ...manifest, readme: packed["README.md"], dist: { integrity } } },
        _attachments: { [`${name}-${version}.tgz`]: attachment },
      };
      await send("PUT", `npm/registry/${encodeURIComponent(name)}`, JSON.stringify(document), { "content-type": "application/json" });
      return { bytes, file };
    },

    async nuget(name, version, about) {
      const bytes = nupkg(name, version, about);
      const body = new FormData();
      body.append("package", new Blob([bytes], { type: "application/octet-stream" }), "package.nupkg");
      await send("PUT", "nuget/v3/package/", body, { "x-nuget-apikey": token });
      return { bytes, file: `${name}.${version}.nupkg`.toLowerCase() };
    },

    async pypi(name, version, about) {
      const { filename, bytes } = wheel(name, version, about);
      const body = new FormData();
      const digest = createHash("sha256").update(bytes).digest("hex");
      const fields = { name, version, filetype: "bdist_wheel", pyversion: "py3", metadata_version: "2.1", sha256_digest: digest };
      for (const [key, value] of Object.entries({ ":action": "file_upload", protocol_version: "1", ...fields })) body.append(key, value);
      body.append("content", new Blob([bytes]), filename);
      await send("POST", "pypi/upload/", body);
      return { bytes, file: filename };
    },

    async maven(name, version, about) {
      const bytes = jar(name, version);
      const file = fileName(name, version);
      const at = `maven/v1/${folder(name, version)}/`;
      await send("PUT", at + file, bytes);
      await send("PUT", at + fileName(name, version, { extension: "pom" }), pom(name, version, about));
      return { bytes, file };
    },

    async cargo(name, version) {
      const bytes = Buffer.from(crate(name, version));
      const about = { name, vers: version, deps: [], features: {}, authors: [], description: `published ${name}`, license: "MIT" };
      const parts = [Buffer.from(JSON.stringify(about)), bytes];
      const framed = parts.flatMap((part) => {
        const length = Buffer.alloc(4);
        length.writeUInt32LE(part.length);
        return [length, part];
      });
      await send("PUT", "Cargo/api/v1/crates/new", Buffer.concat(framed));
      return { bytes, file: `${name}-${version}.crate` };
    },

    async upack(name, version) {
      const bytes = Buffer.from(`data of ${name} ${version}\n`);
      await send("PUT", `upack/${name}/${version}/data.txt`, bytes);
      await send("POST", `upack/${name}/${version}`);
      return { bytes, file: "data.txt" };
    },
  };
}
