use countersign_protocol::{ClientId, DeviceId, Handle, Subject};

use crate::domain::{Acr, AuthRequestId, ConnectorId, TokenHash};

/// A parameter of a statement. None is null, and a null has a type too, because PostgreSQL asks for it.
#[derive(Debug, Clone, Copy)]
pub enum Value<'v> {
    /// A number, a time or a flag.
    Int(Option<i64>),
    /// Text.
    Text(Option<&'v str>),
    /// Bytes.
    Bytes(Option<&'v [u8]>),
}

/// What can be a parameter.
pub trait AsValue {
    /// None of it.
    const NULL: Value<'static>;

    /// This, for as long as it is borrowed.
    fn as_value(&self) -> Value<'_>;
}

/// The parameters of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::storage::value::AsValue::as_value(&$value)),*]
    };
}
pub(in crate::storage) use values;

impl AsValue for i64 {
    const NULL: Value<'static> = Value::Int(None);

    fn as_value(&self) -> Value<'_> {
        Value::Int(Some(*self))
    }
}

impl AsValue for u32 {
    const NULL: Value<'static> = Value::Int(None);

    fn as_value(&self) -> Value<'_> {
        Value::Int(Some(i64::from(*self)))
    }
}

impl AsValue for bool {
    const NULL: Value<'static> = Value::Int(None);

    fn as_value(&self) -> Value<'_> {
        Value::Int(Some(i64::from(*self)))
    }
}

impl AsValue for str {
    const NULL: Value<'static> = Value::Text(None);

    fn as_value(&self) -> Value<'_> {
        Value::Text(Some(self))
    }
}

impl AsValue for String {
    const NULL: Value<'static> = Value::Text(None);

    fn as_value(&self) -> Value<'_> {
        Value::Text(Some(self))
    }
}

impl AsValue for [u8; 32] {
    const NULL: Value<'static> = Value::Bytes(None);

    fn as_value(&self) -> Value<'_> {
        Value::Bytes(Some(self))
    }
}

impl AsValue for [u8] {
    const NULL: Value<'static> = Value::Bytes(None);

    fn as_value(&self) -> Value<'_> {
        Value::Bytes(Some(self))
    }
}

impl AsValue for Vec<u8> {
    const NULL: Value<'static> = Value::Bytes(None);

    fn as_value(&self) -> Value<'_> {
        self.as_slice().as_value()
    }
}

impl<T: AsValue + ?Sized> AsValue for &T {
    const NULL: Value<'static> = T::NULL;

    fn as_value(&self) -> Value<'_> {
        (**self).as_value()
    }
}

impl<T: AsValue> AsValue for Option<T> {
    const NULL: Value<'static> = T::NULL;

    fn as_value(&self) -> Value<'_> {
        self.as_ref().map_or(T::NULL, T::as_value)
    }
}

/// What is text or bytes under another name.
macro_rules! as_inner {
    ($($name:ty: $inner:ty, $as_inner:expr;)+) => {
        $(impl AsValue for $name {
            const NULL: Value<'static> = <$inner>::NULL;

            fn as_value(&self) -> Value<'_> {
                let inner: fn(&Self) -> &$inner = $as_inner;
                inner(self).as_value()
            }
        })+
    };
}

as_inner! {
    ClientId: str, Self::as_str;
    DeviceId: str, Self::as_str;
    Handle: str, Self::as_str;
    Subject: str, Self::as_str;
    Acr: str, |acr| &acr.0;
    ConnectorId: str, |connector| &connector.0;
    AuthRequestId: [u8; 32], |id| &id.0;
    TokenHash: [u8; 32], |hash| &hash.0;
}
