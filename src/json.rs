//! What serde's derive leaves open where JSON comes from strangers. Clients are read strictly, with [`Object`] around a
//! derived struct; what upstream sends is read liberally, with [`liberal`].

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A `T` read from a JSON object. A derived struct would also take an array, field by field.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// Declares structs of raw values, read from a JSON object as a liberal reader does: of a key that comes twice the last one
/// counts, unknown ones are skipped, and a field is `None` only when it was not sent. After each field stand the keys that
/// it may come under.
macro_rules! liberal {
    ($($(#[$about:meta])* $vis:vis struct $name:ident { $($(#[$field_about:meta])* $field:ident: $type:ty = $($key:literal)|+,)* })*) => { $(
        $(#[$about])*
        #[derive(Default)]
        $vis struct $name<'a> {
            $($(#[$field_about])* $vis $field: Option<$type>,)*
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[allow(non_camel_case_types, reason = "named like the fields")]
                enum Key { $($field,)* Unknown }

                impl<'de> serde::Deserialize<'de> for Key {
                    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                        struct Keys;

                        impl serde::de::Visitor<'_> for Keys {
                            type Value = Key;

                            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                                f.write_str("a key")
                            }

                            fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                                Ok(match key { $($($key)|+ => Key::$field,)* _ => Key::Unknown })
                            }
                        }

                        deserializer.deserialize_identifier(Keys)
                    }
                }

                struct Fields<'a>(std::marker::PhantomData<&'a ()>);

                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Fields<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    /// Where an empty list and an empty object are one thing (PHP), the list is what comes.
                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                        match list.next_element::<serde::de::IgnoredAny>()? {
                            None => Ok($name::default()),
                            Some(_) => Err(serde::de::Error::invalid_type(serde::de::Unexpected::Seq, &self)),
                        }
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut fields = $name::default();
                        while let Some(key) = map.next_key()? {
                            match key {
                                $(Key::$field => fields.$field = Some(map.next_value()?),)*
                                Key::Unknown => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(fields)
                    }
                }

                deserializer.deserialize_any(Fields(std::marker::PhantomData))
            }
        }
    )* };
}

pub(crate) use liberal;

/// For `#[serde(default, borrow, deserialize_with = "given")]`: a field's raw value, `null` included; `None` only
/// when the field is absent.
pub(crate) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Whether a raw value is a string.
pub(crate) fn is_string(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

/// Whether a raw value is `null`.
pub(crate) fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// A JSON string's text. Half a character, which JSON can escape and text cannot hold, becomes U+FFFD.
pub(crate) fn lossy_text(json: &str) -> Result<String, serde_json::Error> {
    struct LossyText;

    impl Visitor<'_> for LossyText {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        /// Asked for bytes, `serde_json` gives halves as UTF-8 would write them: three bytes, of which none is text.
        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
            let mut text = String::with_capacity(bytes.len());
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                if chunk.invalid().first() == Some(&0xED) {
                    text.push(char::REPLACEMENT_CHARACTER);
                }
            }
            Ok(text)
        }
    }

    let mut reader = serde_json::Deserializer::from_str(json);
    let text = reader.deserialize_bytes(LossyText)?;
    reader.end().map(|()| text)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Sample<'a> {
        #[serde(default, borrow, deserialize_with = "given")]
        a: Option<&'a RawValue>,
    }

    fn a(json: &str) -> Result<Option<String>, serde_json::Error> {
        serde_json::from_str::<Object<Sample<'_>>>(json).map(|object| object.0.a.map(|raw| raw.get().to_owned()))
    }

    #[test]
    fn an_object_is_not_an_array() {
        assert!(a("[1]").is_err());
        assert!(a("[]").is_err());
        assert!(a("null").is_err());
        assert!(a(r#"{"a":1,"a":2}"#).is_err(), "a field that comes twice is a fault");
    }

    #[test]
    fn halves_of_characters_are_replaced_and_the_rest_stays() {
        let text = |json| lossy_text(json).unwrap();
        assert_eq!(text(r#""a\n\u00e9€\ud83d\ude04""#), "a\né€😄");
        assert_eq!(text(r#""\ud83da\ude04\ud83d\ud83d""#), "\u{FFFD}a\u{FFFD}\u{FFFD}\u{FFFD}");
    }

    liberal! {
        struct Read {
            a: &'a RawValue = "a" | "A",
        }
    }

    #[test]
    fn a_liberal_reader_takes_the_last_of_two_and_skips_what_it_does_not_know() {
        let a = |json| serde_json::from_str::<Read<'_>>(json).map(|read| read.a.map(RawValue::get).map(str::to_owned));
        assert_eq!(a(r#"{"a":1,"b":{"a":3},"A":2,"b":4}"#).unwrap().as_deref(), Some("2"));
        assert_eq!(a(r#"{"\u0061":null}"#).unwrap().as_deref(), Some("null"));
        assert_eq!(a("{}").unwrap(), None);
        assert_eq!(a("[]").unwrap(), None);
        assert!(a("[1]").is_err() && a("null").is_err());
    }

    #[test]
    fn absent_and_null_differ() {
        assert_eq!(a("{}").unwrap(), None);
        assert_eq!(a(r#"{"a":null}"#).unwrap().as_deref(), Some("null"));
        assert_eq!(a(r#"{"a": [1, 2] ,"b":{}}"#).unwrap().as_deref(), Some("[1, 2]"));
    }
}
