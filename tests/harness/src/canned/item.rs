//! Items computed from their keys.

use std::fmt::Write as _;

use super::table::ItemShape;

/// Which attributes are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Projection {
    All,
    These(Vec<String>),
}

impl Projection {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.iter().any(|wanted| wanted == name),
        }
    }
}

const TOWNS: [&str; 6] = ["Auckland", "Zürich", "São Paulo", "Springfield", "東京", "Lund"];

/// Appends an item and gives its size as DynamoDB counts it, which a projection does not change.
pub(super) fn write_item(out: &mut String, shape: ItemShape, id: u64, projection: &Projection) -> u64 {
    let mut item = Writer { out, projection, first: true, size: 0 };
    item.out.push('{');
    item.attribute("id", "N", |out| id.write(out));
    match shape {
        ItemShape::Flat => flat(&mut item, id),
        ItemShape::Wide(attributes) => (0..attributes).for_each(|n| {
            let value = mixed(id.wrapping_mul(1_009).wrapping_add(n as u64));
            item.attribute(&format!("a{n:03}"), "S", |out| (value % 100_000).write(out));
        }),
        ItemShape::Large(bytes) => item.attribute("pad", "S", |out| {
            let pattern = "lorem ipsum dolor sit amet ";
            let bytes = if id == 0 { 0 } else { bytes };
            (0..bytes / pattern.len()).for_each(|_| out.push_str(pattern));
            out.push_str(pattern.get(..bytes % pattern.len()).unwrap_or_default());
        }),
    }
    item.out.push('}');
    item.size
}

fn flat(item: &mut Writer<'_>, id: u64) {
    let random = mixed(id);
    let part = |shift: u32, below: u64| (random >> shift) % below;
    item.attribute("name", "S", |out| write(out, format_args!("customer {} of {}", part(0, 9_000), part(8, 90_000))));
    item.attribute("email", "S", |out| write(out, format_args!("user{id}@mail{}.example.net", part(3, 50))));
    item.attribute("town", "S", |out| out.push_str(TOWNS[part(20, 6) as usize]));
    item.attribute("code", "S", |out| write(out, format_args!("{random:016x}{:016x}", mixed(random))));
    item.attribute("created", "S", |out| {
        write(out, format_args!("2026-{:02}-{:02}T{:02}:11:12Z", 1 + part(5, 12), 1 + part(9, 28), part(13, 24)));
    });
    // One in eight has what JSON escapes.
    let note = if part(30, 8) == 0 { "said \\\"fine\\\"\\nand left" } else { "nothing of note" };
    item.attribute("note", "S", |out| out.push_str(note));
    item.attribute("amount", "N", |out| write(out, format_args!("{}.{}", part(11, 100_000), 1 + part(17, 9))));
    item.attribute("pieces", "N", |out| part(40, 5_000).write(out));
    item.attribute("balance", "N", |out| write(out, format_args!("-{}.{:02}5", part(2, 700), part(25, 100))));
    item.attribute("serial", "N", |out| (random >> 12).write(out));
    item.attribute("active", "BOOL", |out| out.push_str(if part(50, 2) == 0 { "true" } else { "false" }));
}

/// The finisher of SplitMix64: neighbouring keys give unlike numbers.
fn mixed(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

trait Written {
    fn write(self, out: &mut String);
}

impl Written for u64 {
    fn write(self, out: &mut String) {
        write(out, format_args!("{self}"));
    }
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

struct Writer<'a> {
    out: &'a mut String,
    projection: &'a Projection,
    first: bool,
    size: u64,
}

impl Writer<'_> {
    /// One attribute, its value already as JSON has it between quotes.
    fn attribute(&mut self, name: &str, kind: &str, value: impl FnOnce(&mut String)) {
        let begin = self.out.len();
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        let quote = if kind == "BOOL" { "" } else { "\"" };
        write(self.out, format_args!("\"{name}\":{{\"{kind}\":{quote}"));
        let start = self.out.len();
        value(self.out);
        let length = (self.out.len() - start) as u64;
        write(self.out, format_args!("{quote}}}"));
        let value_size = match kind {
            "N" => length / 2 + 1,
            "BOOL" => 1,
            _ => length,
        };
        self.size += name.len() as u64 + value_size;
        if !self.projection.has(name) {
            self.out.truncate(begin);
            self.first = self.out.ends_with('{');
        }
    }
}
