// The order of a program's functions in which it compresses best: like beside like.
//
// Gzip finds what is repeated within the last 32 KB only, and the linker puts beside each other what was compiled together, not
// what looks alike. Here each function is followed by the one that has the most in common with those just before it. wasm-opt
// can sort functions by their names, so the order is told as names.

/** What is repeated must be as long as this to count; shorter repetitions are everywhere. */
const gramLength = 6;
/** A gram that more functions than these have is near wherever one looks. */
const commonest = 200;
/** How far back a repetition is found, less what calls of the next function may add to it. */
const window = 31_000;

const section = { custom: 0, import: 2, code: 10 };
const imported = { function: 0, exception: 4 };

/** The module with names for its functions, by which sorted they are in the best order; it needs no names before. */
export function namedByLikeness(module) {
  const sections = [...readSections(module)];
  const imports = importedFunctions(sections.find(({ id }) => id === section.import).content);
  const order = orderByLikeness(functionBodies(sections.find(({ id }) => id === section.code).content));
  const kept = sections.filter(({ id, content }) => id !== section.custom || new Reader(content).text() !== "name");
  return Buffer.concat([module.subarray(0, 8), ...kept.map(({ whole }) => whole), nameSection(order, imports)]);
}

/** Indexes of `bodies`, each followed by the one of which the largest part is in those before it. */
export function orderByLikeness(bodies) {
  const { grams, holders } = sharedGrams(bodies);
  const timesNear = new Int32Array(holders.length); // per gram: how many functions in the window hold it
  const gramsNear = new Int32Array(bodies.length); // per function: how many of its grams the window holds
  const left = new Set(bodies.keys());
  const order = [];
  let oldest = 0;
  let size = 0;
  const note = (gram, change) => {
    for (const holder of holders[gram]) gramsNear[holder] += change;
  };
  for (let next = 0; left.size > 0; next = nearest(left, grams, gramsNear)) {
    left.delete(next);
    order.push(next);
    size += bodies[next].length;
    for (const gram of grams[next]) if (timesNear[gram]++ === 0) note(gram, 1);
    for (; size > window && oldest < order.length - 1; oldest++) {
      size -= bodies[order[oldest]].length;
      for (const gram of grams[order[oldest]]) if (--timesNear[gram] === 0) note(gram, -1);
    }
  }
  return order;
}

/** A little in favour of large functions: what they share weighs more, and their place matters more. */
function nearest(left, grams, gramsNear) {
  let best;
  let most = -1;
  for (const candidate of left) {
    const part = gramsNear[candidate] / (grams[candidate].length + 4) ** 0.8;
    if (part > most) [best, most] = [candidate, part];
  }
  return best;
}

/** Each function's grams that others have as well, and each such gram's functions. */
function sharedGrams(bodies) {
  const all = new Map();
  bodies.forEach((body, index) => {
    for (const gram of new Set(gramsOf(body))) {
      if (!all.has(gram)) all.set(gram, []);
      all.get(gram).push(index);
    }
  });
  const holders = [...all.values()].filter(({ length }) => length > 1 && length <= commonest);
  const grams = bodies.map(() => []);
  holders.forEach((functions, gram) => functions.forEach((index) => grams[index].push(gram)));
  return { grams, holders };
}

function* gramsOf(body) {
  for (let at = 0; at + gramLength <= body.length; at++) yield body.readUIntBE(at, gramLength);
}

/** Reads a module, or a part of one, from its beginning. */
export class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get more() {
    return this.at < this.bytes.length;
  }

  byte() {
    return this.bytes[this.at++];
  }

  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** LEB128, as every number in a module. */
  number() {
    for (let value = 0, weight = 1; ; weight *= 128) {
      const byte = this.byte();
      value += (byte & 127) * weight;
      if (byte < 128) return value;
    }
  }

  text() {
    return this.take(this.number()).toString();
  }
}

/** The sections of a module: `{ id, content, whole }`. */
export function* readSections(module) {
  const reader = new Reader(module);
  for (reader.take(8); reader.more; ) {
    const start = reader.at;
    const id = reader.byte();
    const content = reader.take(reader.number());
    yield { id, content, whole: module.subarray(start, reader.at) };
  }
}

/** Functions are counted from the imported ones on. */
function importedFunctions(content) {
  const reader = new Reader(content);
  let functions = 0;
  for (let left = reader.number(); left > 0; left--) {
    const name = `${reader.text()}.${reader.text()}`;
    const kind = reader.byte();
    if (kind === imported.function) functions++;
    else if (kind === imported.exception) reader.byte();
    else throw new Error(`\`${name}\` is imported and is neither a function nor an exception`);
    reader.number();
  }
  return functions;
}

function functionBodies(content) {
  const reader = new Reader(content);
  return Array.from({ length: reader.number() }, () => reader.take(reader.number()));
}

function nameSection(order, imports) {
  const places = new Array(order.length);
  order.forEach((index, place) => (places[index] = place));
  const entries = places.flatMap((place, index) => [...number(index + imports), ...text(String(place).padStart(8, "0"))]);
  const names = [...number(order.length), ...entries];
  const content = [...text("name"), 1, ...number(names.length), ...names];
  return Buffer.from([section.custom, ...number(content.length), ...content]);
}

function text(value) {
  return [...number(value.length), ...Buffer.from(value)];
}

/** A number as every one in a module is written. */
export function number(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)];
}
