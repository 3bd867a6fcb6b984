//! Ranks that are MPI processes. The only file that names the `mpi` crate.
#![allow(unsafe_code)]

use super::link::Link;
use super::reduce::{Reduce, Words};
use super::transport::Transport;
use super::Comm;
use crate::{Error, Result};
use ::mpi::collective::SystemOperation;
use ::mpi::datatype::PartitionMut;
use ::mpi::environment::Universe;
use ::mpi::raw::FromRaw;
use ::mpi::request::multiple_scope;
use ::mpi::topology::{Color, SimpleCommunicator};
use ::mpi::traits::{AsRaw, Communicator, CommunicatorCollectives, Destination, Equivalence, Root, Source};
use ::mpi::{Count, Threading};
use std::fmt;
use std::mem::ManuallyDrop;
use std::rc::Rc;

/// The raw MPI communicator handle, see [`Comm::raw_mpi`].
pub type RawMpi = ::mpi::ffi::MPI_Comm;
/// The raw MPI info handle.
pub type RawInfo = ::mpi::ffi::MPI_Info;

/// `MPI_INFO_NULL`: no hints.
pub fn raw_info_null() -> RawInfo {
    // SAFETY: a constant that the C side of the bindings sets at load time and never changes.
    unsafe { ::mpi::ffi::RSMPI_INFO_NULL }
}

/// What the MPI library calls itself, in one line.
pub fn mpi_library() -> String {
    let text = ::mpi::environment::library_version().unwrap_or_default();
    // Open MPI tells where and for whom it was built behind the version.
    let name = text.lines().next().unwrap_or_default().trim_matches('\0');
    name.split(", package").next().unwrap_or_default().to_owned()
}

/// Tag of messages inside collectives; users' tags lie below it.
const EXCHANGE: i32 = Comm::TAG_LIMIT as i32;

/// A group of MPI processes. Made by [`World`](super::World).
#[derive(Clone)]
pub struct MpiComm {
    inner: Rc<Inner>,
    rank: usize,
    size: usize,
    pub(super) link: Link,
}

struct Inner {
    communicator: ManuallyDrop<SimpleCommunicator>,
    /// None where the host program owns MPI.
    universe: Option<Rc<Universe>>,
}

/// A communicator must be freed before MPI ends; that is why this comes before the fields are dropped.
impl Drop for Inner {
    fn drop(&mut self) {
        // A host may have ended MPI while it still held ours: then there is nothing left to free.
        if !is_finalised() {
            // SAFETY: dropped here only, and nothing uses it afterwards.
            unsafe { ManuallyDrop::drop(&mut self.communicator) };
        }
    }
}

/// Whether MPI has ended.
fn is_finalised() -> bool {
    let mut flag = 0;
    // SAFETY: may be called at any time.
    unsafe { ::mpi::ffi::MPI_Finalized(&raw mut flag) };
    flag != 0
}

fn is_initialised() -> bool {
    let mut flag = 0;
    // SAFETY: may be called at any time.
    unsafe { ::mpi::ffi::MPI_Initialized(&raw mut flag) };
    flag != 0
}

impl fmt::Debug for MpiComm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MpiComm")
            .field("rank", &self.rank)
            .field("size", &self.size)
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

impl MpiComm {
    /// Initialises MPI. It ends when the last communicator is dropped.
    pub(super) fn initialise() -> Result<Self> {
        let Some((universe, threading)) = ::mpi::initialize_with_threading(Threading::Funneled) else {
            return Err(Error::communication("MPI has been initialised by this process before"));
        };
        if threading < Threading::Funneled {
            return Err(Error::communication("the MPI library does not allow threads beside it")
                .remedy("use an MPI library built with MPI_THREAD_FUNNELED or better"));
        }
        // A duplicate: our messages never meet those of other libraries.
        let communicator = universe.world().duplicate();
        let link = Link::new(communicator.rank() as usize);
        Ok(Self::new(communicator, Some(Rc::new(universe)), link))
    }

    /// A duplicate of a communicator of the host program, which started MPI and will end it.
    pub(super) fn of_host(raw: RawMpi) -> Result<Self> {
        const REMEDY: &str =
            "call this between MPI_Init and MPI_Finalize, on the thread that called MPI_Init";
        if !is_initialised() || is_finalised() {
            return Err(Error::communication("MPI is not running").remedy(REMEDY));
        }
        let (mut is_main, mut is_inter, mut duplicate) = (0, 0, raw);
        // SAFETY: MPI is running; a constant is read, a flag is written.
        let is_null = unsafe {
            ::mpi::ffi::MPI_Is_thread_main(&raw mut is_main);
            raw == ::mpi::ffi::RSMPI_COMM_NULL
        };
        if is_main == 0 {
            return Err(Error::communication("another thread drives MPI").remedy(REMEDY));
        }
        if is_null {
            return Err(Error::usage("the communicator is MPI_COMM_NULL"));
        }
        // SAFETY: the caller of `comm::of_host` promises a communicator that is alive; it is not
        // freed, only its duplicate is.
        unsafe { ::mpi::ffi::MPI_Comm_test_inter(raw, &raw mut is_inter) };
        if is_inter != 0 {
            return Err(Error::usage("an inter-communicator has no single group of ranks"));
        }
        // SAFETY: as above. A duplicate: our messages never meet those of the host.
        let communicator = unsafe {
            ::mpi::ffi::MPI_Comm_dup(raw, &raw mut duplicate);
            SimpleCommunicator::from_raw(duplicate)
        };
        let link = Link::new(communicator.rank() as usize);
        Ok(Self::new(communicator, None, link))
    }

    /// Whether the host lets its process have threads that don't call MPI.
    pub(super) fn allows_threads() -> bool {
        let mut level = 0;
        // SAFETY: MPI is running, a number is written.
        unsafe { ::mpi::ffi::MPI_Query_thread(&raw mut level) };
        // SAFETY: a constant of the bindings.
        level >= unsafe { ::mpi::ffi::RSMPI_THREAD_FUNNELED }
    }

    /// Whether the library is Open MPI. May be asked before MPI is initialised.
    pub(super) fn is_of_open_mpi() -> bool {
        ::mpi::environment::library_version().is_ok_and(|version| version.starts_with("Open MPI"))
    }

    fn new(communicator: SimpleCommunicator, universe: Option<Rc<Universe>>, link: Link) -> Self {
        let (rank, size) = (communicator.rank() as usize, communicator.size() as usize);
        let communicator = ManuallyDrop::new(communicator);
        Self { inner: Rc::new(Inner { communicator, universe }), rank, size, link }
    }

    fn communicator(&self) -> &SimpleCommunicator {
        &self.inner.communicator
    }

    pub(super) fn raw(&self) -> RawMpi {
        self.communicator().as_raw()
    }

    pub(super) fn abort(&self, code: u8) -> ! {
        self.communicator().abort(i32::from(code))
    }

    /// The new group called `name`, with this rank at `position`.
    pub(super) fn split(&self, name: Option<usize>, position: usize, link: Link) -> Option<Self> {
        let color = name.map_or_else(Color::undefined, |name| Color::with_value(name as i32));
        let communicator = self.communicator().split_by_color_with_key(color, position as i32)?;
        Some(Self::new(communicator, self.inner.universe.clone(), link))
    }

    fn reduce<N: Equivalence + Copy>(&self, data: &mut [N], op: Reduce) {
        let operation = match op {
            Reduce::Sum => SystemOperation::sum(),
            Reduce::Min => SystemOperation::min(),
            Reduce::Max => SystemOperation::max(),
        };
        let mine = data.to_vec();
        self.communicator().all_reduce_into(mine.as_slice(), data, operation);
    }
}

impl Transport for MpiComm {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn barrier(&self) {
        self.communicator().barrier();
    }

    fn send(&self, piece: &[u8], to: usize, tag: u32) {
        self.communicator().process_at_rank(to as i32).send_with_tag(piece, tag as i32);
    }

    fn receive(&self, piece: &mut [u8], from: usize, tag: u32) {
        self.communicator().process_at_rank(from as i32).receive_into_with_tag(piece, tag as i32);
    }

    fn broadcast(&self, piece: &mut [u8], root: usize) {
        self.communicator().process_at_rank(root as i32).broadcast_into(piece);
    }

    fn all_gather_counts(&self, mine: u64) -> Vec<u64> {
        let mut counts = vec![0; self.size];
        self.communicator().all_gather_into(&mine, counts.as_mut_slice());
        counts
    }

    fn all_to_all_counts(&self, mine: &[u64]) -> Vec<u64> {
        let mut counts = vec![0; self.size];
        self.communicator().all_to_all_into(mine, counts.as_mut_slice());
        counts
    }

    fn all_gather(&self, mine: &[u8], counts: &[usize], all: &mut [u8]) {
        let counts: Vec<Count> = counts.iter().map(|&n| n as Count).collect();
        let displacements: Vec<Count> = counts
            .iter()
            .scan(0, |next, &n| {
                let at = *next;
                *next += n;
                Some(at)
            })
            .collect();
        // An empty slice may have any address, that of Open MPI's MPI_IN_PLACE (1) too.
        let mine = if mine.is_empty() { &[0][..0] } else { mine };
        let mut parts = PartitionMut::new(all, counts, displacements);
        self.communicator().all_gather_varcount_into(mine, &mut parts);
    }

    fn exchange<'a>(
        &self,
        outgoing: Vec<(usize, &'a [u8])>,
        incoming: Vec<(usize, &'a mut [u8])>,
        meanwhile: &mut dyn FnMut(),
    ) {
        let messages = outgoing.len() + incoming.len();
        if messages == 0 {
            return meanwhile();
        }
        multiple_scope(messages, |scope, requests| {
            // Receives first: what arrives then finds its place without a detour.
            for (from, piece) in incoming {
                let source = self.communicator().process_at_rank(from as i32);
                requests.add(source.immediate_receive_into_with_tag(scope, piece, EXCHANGE));
            }
            for (to, piece) in outgoing {
                let destination = self.communicator().process_at_rank(to as i32);
                requests.add(destination.immediate_send_with_tag(scope, piece, EXCHANGE));
            }
            meanwhile();
            requests.wait_all(&mut Vec::with_capacity(messages));
        });
    }

    fn all_reduce(&self, data: Words<'_>, op: Reduce) {
        match data {
            Words::Signed(data) => self.reduce(data, op),
            Words::Unsigned(data) => {
                // MPICH 4.0 compares unsigned numbers as if they were signed, so that the largest is
                // the least. With the first bit turned round they are, and in the same order.
                let turn = |data: &mut [u64]| {
                    if op != Reduce::Sum {
                        data.iter_mut().for_each(|n| *n ^= 1 << 63);
                    }
                };
                turn(data);
                self.reduce::<i64>(bytemuck::cast_slice_mut(data), op);
                turn(data);
            }
        }
    }
}
