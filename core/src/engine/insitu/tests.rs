//! A sum whose bits tell the order in which it was made.

use super::*;
use crate::comm::{run_threads, Reduce};

struct Sum;

impl Fold for Sum {
    type State = Vec<f64>;
    const NAME: &'static str = "test-sum";
    const VERSION: u32 = 1;
    fn reduces(&self) -> &[Role] {
        &[Role::Time]
    }
    fn pieces(&self) -> Pieces {
        Pieces::Steps
    }
    fn start(&self, _column: usize) -> Vec<f64> {
        Vec::new()
    }
    fn absorb(&self, state: &mut Vec<f64>, piece: &Piece<'_>) -> Result<()> {
        state.resize(piece.cells(), 0.0);
        for step in piece.steps() {
            match piece.step(step) {
                Numbers::F32(v) => state.iter_mut().zip(v).for_each(|(s, x)| *s += f64::from(*x)),
                Numbers::F64(v) => state.iter_mut().zip(v).for_each(|(s, x)| *s += x),
            }
        }
        Ok(())
    }
    fn merge(&self, mut left: Vec<f64>, right: Vec<f64>) -> Result<Vec<f64>> {
        left.iter_mut().zip(right).for_each(|(a, b)| *a += b);
        Ok(left)
    }
}

const SHAPE: [usize; 2] = [9, 70];

fn value(t: usize, cell: usize) -> f32 {
    ((t * 7919 + cell * 104_729) % 1009) as f32 / 7.0
}

/// Uneven pieces in both dimensions; the last rank of more than one holds nothing.
fn block(rank: usize, ranks: usize) -> IndexBox {
    let pieces = match ranks {
        1 => vec![[0..9, 0..70]],
        2 => vec![[0..9, 0..70], [0..0, 0..0]],
        3 => vec![[0..9, 33..70], [0..9, 0..33], [9..9, 0..70]],
        _ => vec![[0..4, 0..11], [4..9, 0..11], [0..9, 11..70], [0..0, 0..0]],
    };
    IndexBox::new(pieces[rank].to_vec())
}

fn begin(comm: &Comm) -> InSitu<Sum> {
    let own = block(comm.rank(), comm.size());
    let blocks = Blocks::gather(comm, &SHAPE, &own).unwrap();
    let space = [Dim::new("y", 9, Role::Y), Dim::new("x", 70, Role::X)];
    InSitu::begin(comm, (&space, &blocks), 1, Some(-1.0), Box::new(|_| Ok(Sum))).unwrap()
}

fn push(run: &mut InSitu<Sum>, comm: &Comm, t: usize) -> Result<()> {
    let own = block(comm.rank(), comm.size());
    let all: Vec<f32> = (0..630).map(|cell| value(t, cell)).collect();
    let (mut data, whole) = (Vec::new(), IndexBox::whole(&SHAPE));
    whole.extract(&all, &own, &mut data);
    run.push(t as f64, View::contiguous(Numbers::F32(&data), &own.shape()).map(|view| vec![view]))
}

/// The map of all ranks, put together.
fn whole(comm: &Comm, columns: &[Column<Vec<f64>>]) -> Vec<u64> {
    let mut map = vec![0.0; 630];
    columns.iter().for_each(|(cells, state)| IndexBox::whole(&SHAPE).insert(&mut map, cells, state));
    let mut bits: Vec<u64> = map.into_iter().map(f64::to_bits).collect();
    comm.all_reduce(&mut bits, Reduce::Max);
    bits
}

/// Tile by tile of 64 steps, merged along the tree.
fn expected(steps: usize) -> Vec<u64> {
    let tile = |leaf: usize, cell: usize| -> f64 {
        (leaf * 64..steps.min(leaf * 64 + 64)).map(|t| f64::from(value(t, cell))).fold(0.0, |a, b| a + b)
    };
    let leaves = steps.div_ceil(64);
    let sum = |cell: usize| {
        let mut level: Vec<f64> = (0..leaves).map(|leaf| tile(leaf, cell)).collect();
        while level.len() > 1 {
            level = level.chunks(2).map(|pair| pair.iter().copied().reduce(|a, b| a + b).unwrap()).collect();
        }
        level[0].to_bits()
    };
    (0..630).map(sum).collect()
}

#[test]
fn any_blocks_give_the_bits_of_the_tree() {
    for steps in [1, 64, 65, 300] {
        for ranks in 1..=4 {
            run_threads(ranks, |comm| {
                let mut run = begin(comm);
                (0..steps).for_each(|t| push(&mut run, comm, t).unwrap());
                let (_, columns) = run.finish().unwrap();
                assert_eq!(whole(comm, &columns), expected(steps), "{steps} steps on {ranks} ranks");
            });
        }
    }
}

#[test]
fn a_restart_goes_on_with_other_ranks() {
    let folder = tempfile::tempdir().unwrap();
    for (at, ranks) in [(37, 3), (64, 4), (150, 1), (192, 2)] {
        let path = folder.path().join(format!("{at}.state"));
        run_threads(ranks, |comm| {
            let mut run = begin(comm);
            (0..at).for_each(|t| push(&mut run, comm, t).unwrap());
            run.save(&path, "job").unwrap();
            // Saving changes nothing.
            (at..200).for_each(|t| push(&mut run, comm, t).unwrap());
            let (_, columns) = run.finish().unwrap();
            assert_eq!(whole(comm, &columns), expected(200));
        });
        for other in 1..=4 {
            run_threads(other, |comm| {
                let mut run = begin(comm);
                assert!(run
                    .load(&path, "another")
                    .unwrap_err()
                    .to_string()
                    .contains("other inputs or options"));
                run.load(&path, "job").unwrap();
                assert_eq!(run.steps(), at);
                (at..200).for_each(|t| push(&mut run, comm, t).unwrap());
                let (_, columns) = run.finish().unwrap();
                assert_eq!(whole(comm, &columns), expected(200), "from {ranks} to {other} ranks at {at}");
            });
        }
    }
}

#[test]
fn a_refused_step_changes_nothing() {
    run_threads(3, |comm| {
        let mut run = begin(comm);
        for t in 0..70 {
            push(&mut run, comm, t).unwrap();
            // Rank 1 alone is wrong; all are told, and none has taken the step.
            let shape = if comm.rank() == 1 { vec![1, 1] } else { block(comm.rank(), 3).shape() };
            let values = vec![5.0_f32; shape.iter().product()];
            let odd = View::contiguous(Numbers::F32(&values), &shape).map(|view| vec![view]);
            let message = run.push(t as f64 + 0.5, odd).unwrap_err();
            assert_eq!((message.exit_code(), message.rank), (2, Some(1)));
            let late = push(&mut run, comm, 0).unwrap_err();
            assert!(late.to_string().contains("does not come after"), "{late}");
            let time = if comm.rank() == 2 { 1e6 } else { 1e5 };
            let own = block(comm.rank(), 3).shape();
            let values = vec![5.0_f32; own.iter().product()];
            let apart = run.push(time, View::contiguous(Numbers::F32(&values), &own).map(|view| vec![view]));
            assert!(apart.unwrap_err().to_string().contains("different times"));
        }
        let (_, columns) = run.finish().unwrap();
        assert_eq!(whole(comm, &columns), expected(70));
        assert!(begin(comm).finish().is_err());
    });
}
