//! The data block of a machine as its controller holds it: bytes, big-endian. Over S7 it is what is read.
//!
//! Here: encoding. Not here: the values, or the protocol that carries the bytes.
//! Invariant: every tag stands at its own place; bytes that no tag owns are 0.

use super::{Line, Tag, Type, Value};
use crate::script::Machine;

impl Line {
    /// The data block of a machine at `at_ms` after the start.
    #[must_use]
    pub fn image(&self, machine: Machine, at_ms: i64) -> Vec<u8> {
        let end = Tag::on(machine).map(|tag| usize::from(tag.at) + tag.ty.size()).max();
        let mut block = vec![0; end.unwrap_or(0)];
        for tag in Tag::on(machine) {
            let place = block.get_mut(usize::from(tag.at)..).unwrap_or_default();
            write(tag.ty, self.value(tag, at_ms), place);
        }
        block
    }
}

impl Type {
    /// How many bytes it takes; a bit takes its byte.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Bool(_) => 1,
            Self::Int => 2,
            Self::Dint | Self::Udint | Self::Real => 4,
            Self::String(length) => 2 + usize::from(length),
        }
    }
}

fn write(ty: Type, value: Value, place: &mut [u8]) {
    let bytes: Vec<u8> = match (ty, value) {
        (Type::Bool(bit), Value::Bool(on)) => {
            vec![place.first().copied().unwrap_or(0) | u8::from(on) << (bit & 7)]
        }
        (Type::Int, Value::Int(int)) => i16::try_from(int).unwrap_or(i16::MAX).to_be_bytes().to_vec(),
        (Type::Dint, Value::Int(int)) => i32::try_from(int).unwrap_or(i32::MAX).to_be_bytes().to_vec(),
        (Type::Udint, Value::Int(int)) => u32::try_from(int).unwrap_or(0).to_be_bytes().to_vec(),
        (Type::Real, Value::Real(real)) => real.to_be_bytes().to_vec(),
        (Type::String(length), Value::Text(text)) => {
            let text = text.as_bytes().get(..usize::from(length)).unwrap_or(text.as_bytes());
            let now = u8::try_from(text.len()).unwrap_or(length);
            [&[length, now], text].concat()
        }
        _ => Vec::new(),
    };
    for (to, from) in place.iter_mut().zip(bytes) {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    #[test]
    fn every_tag_is_read_back_from_its_place() {
        let line = Line::new(Script::new(6, None));
        for t in (0..60_000).step_by(1_777) {
            for machine in Machine::ALL {
                let block = line.image(machine, t);
                for tag in Tag::on(machine) {
                    assert_eq!(read(tag, &block), line.value(tag, t), "{} at {t} ms", tag.name);
                }
            }
        }
    }

    fn read(tag: &Tag, block: &[u8]) -> Value {
        let at = usize::from(tag.at);
        let word = || u32::from_be_bytes(block[at..at + 4].try_into().unwrap());
        match tag.ty {
            Type::Bool(bit) => Value::Bool(block[at] >> bit & 1 == 1),
            Type::Int => Value::Int(i16::from_be_bytes(block[at..at + 2].try_into().unwrap()).into()),
            Type::Dint => Value::Int(word().cast_signed().into()),
            Type::Udint => Value::Int(word().into()),
            Type::Real => Value::Real(f32::from_bits(word())),
            Type::String(_) => {
                let text = &block[at + 2..at + 2 + usize::from(block[at + 1])];
                let texts = ["Pils 0.5 l", "Pils 0.33 l trial", "NRW 0.5 l brown"];
                Value::Text(texts.into_iter().find(|t| t.as_bytes() == text).unwrap())
            }
        }
    }
}
