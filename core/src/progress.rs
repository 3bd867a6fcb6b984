#![allow(missing_docs)]
use std::sync::Arc;
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<()>);
pub enum Phase { Read, Compute, Merge, Communicate }
pub struct Timer;
impl Meter {
    pub fn start(&self, _p: Phase) -> Timer { Timer }
    pub fn expect_tiles(&self, _n: usize) {}
    pub fn tile_done(&self) {}
    pub fn bytes_read(&self, _s: u64, _d: u64) {}
}
