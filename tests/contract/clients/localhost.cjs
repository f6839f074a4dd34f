// The C library resolves no `*.localhost`, and Node asks it. Users run `dormouse hosts`; a test may not write to the
// hosts file. Loaded into neonctl by NODE_OPTIONS.
const dns = require("node:dns");
const { lookup } = dns;

dns.lookup = (name, ...rest) => lookup(name.endsWith(".localhost") ? "127.0.0.1" : name, ...rest);
