// The C library resolves no `*.localhost`, and Node asks it. Users run `dormouse hosts`; a test may not write to the
// hosts file. Loaded into neonctl by NODE_OPTIONS.
const dns = require("node:dns");
const promises = require("node:dns/promises");
const { syncBuiltinESMExports } = require("node:module");

const address = (name) => (name.endsWith(".localhost") ? "127.0.0.1" : name);
for (const module of [dns, promises]) {
  const { lookup } = module;
  module.lookup = (name, ...rest) => lookup(address(name), ...rest);
}
syncBuiltinESMExports();
