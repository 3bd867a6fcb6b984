//! Memory for large arrays.
//!
//! The first touch of a page costs more than most kernels, and a map is spread over many: large
//! arrays ask the system for huge pages, which cost a five-hundredth of the page faults and
//! spare the translation caches.

#![allow(unsafe_code)] // madvise, malloc_trim and mallopt, below

/// Arrays below this size stay on ordinary pages.
const LARGE: usize = 8 << 20;

/// A vector of `len` times `value`, on huge pages if it is large and the system has them.
pub fn filled<T: Copy>(len: usize, value: T) -> Vec<T> {
    let mut data = Vec::with_capacity(len);
    use_huge_pages(&data);
    data.resize(len, value);
    data
}

/// As [`filled`] with zeros that nothing has touched yet: whoever writes them first, thread by thread,
/// is who waits for the system's pages.
pub fn zeroed<T: bytemuck::Zeroable>(len: usize) -> Vec<T> {
    let data = bytemuck::zeroed_vec(len);
    use_huge_pages(&data);
    data
}

/// Makes a buffer of `len` values, that of [`zeroed`] if it has to be larger than it is; what was in it
/// stays as far as it fits, or is lost.
pub fn fit<T: Copy + bytemuck::Zeroable>(buffer: &mut Vec<T>, len: usize) {
    if buffer.capacity() < len {
        // Before the larger one is there.
        drop(std::mem::take(buffer));
        *buffer = zeroed(len);
    } else {
        buffer.resize(len, T::zeroed());
    }
}

/// Asks for huge pages behind the capacity of `data`, if it is large. Without effect where the
/// system has none; never an error.
pub fn use_huge_pages<T>(data: &Vec<T>) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 2 << 20;
        let bytes = data.capacity() * std::mem::size_of::<T>();
        if bytes < LARGE {
            return;
        }
        // Whole huge pages inside the allocation: the ends may share pages with others.
        let address = data.as_ptr() as usize;
        let start = address.div_ceil(PAGE) * PAGE;
        let length = (address + bytes).saturating_sub(start) / PAGE * PAGE;
        // SAFETY: the range lies within the allocation of `data`, and this advice changes
        // neither its contents nor who may access it.
        let _ = unsafe {
            rustix::mm::madvise(start as *mut core::ffi::c_void, length, rustix::mm::Advice::LinuxHugepage)
        };
    }
}

/// Gives memory that is free in this process, but still resident, back to the system, so that
/// what comes next is not charged for what is over. Without effect where the allocator has no
/// way; it costs the first touch of pages anew.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        extern "C" {
            fn malloc_trim(pad: usize) -> core::ffi::c_int;
        }
        // SAFETY: a function of the C library that every program here is linked with; it takes
        // the allocator's own locks and touches free memory only.
        let _ = unsafe { malloc_trim(0) };
    }
}

/// Lets the allocator ask the system for each block of 4 MiB or more and give it back when it is freed,
/// and each arena (a thread has its own) keep 1 MiB of smaller ones for what comes next instead of
/// 128 KiB: what is given back and asked for again costs each page's first touch.
///
/// The C library of GNU raises that size to that of the largest block that was freed (up to 32 MiB);
/// what is smaller then stays with it, scattered over the heaps of all threads, which took 100 MB
/// where 200 were promised. Each new block costs the first touch of its pages anew: about a
/// millisecond for 4 MiB. Without effect on other libraries.
pub fn return_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use core::ffi::c_int;
        // `M_TRIM_THRESHOLD`, `M_TOP_PAD` and `M_MMAP_THRESHOLD` of malloc.h.
        const TRIM_THRESHOLD: c_int = -1;
        const TOP_PAD: c_int = -2;
        const MMAP_THRESHOLD: c_int = -3;
        const MEBIBYTE: c_int = 1 << 20;
        extern "C" {
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        // SAFETY: a function of the C library that every program here is linked with, with
        // parameters that it documents; it takes the allocator's own locks.
        unsafe {
            let _ = mallopt(MMAP_THRESHOLD, 4 * MEBIBYTE);
            let _ = mallopt(TRIM_THRESHOLD, MEBIBYTE);
            let _ = mallopt(TOP_PAD, MEBIBYTE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_and_small_vectors_are_filled() {
        return_large_blocks();
        for len in [0, 1, 1000, 3 << 20] {
            let data = filled(len, 2.5f64);
            assert_eq!(data.len(), len);
            assert!(data.iter().all(|v| *v == 2.5));
        }
    }
}
