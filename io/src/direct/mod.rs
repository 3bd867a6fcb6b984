//! Reading without a library's lock: addresses of the stored bytes are read once, then any
//! thread fetches and decodes what it needs.

pub(crate) mod classic;
pub(crate) mod meta;
pub(crate) mod refusal;
pub(crate) mod storage;
pub(crate) mod variable;
