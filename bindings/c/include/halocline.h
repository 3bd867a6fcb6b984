/* Halocline for C and C++: see docs/api-c.md.
 *
 * Made from bindings/c/src by the test of that package; don't edit.
 *
 * Functions that return int give 0, or the code of an error whose message
 * hcl_error_message() has. "Collective" functions are called by every rank of
 * the context, with the same arguments but for what belongs to the rank.
 */

#ifndef HALOCLINE_H
#define HALOCLINE_H

#include <stddef.h>
#include <mpi.h>

/*
 Done.
 */
#define HCL_OK 0

/*
 Wrong use: an argument, an option, an unknown variable.
 */
#define HCL_ERROR_USAGE 2

/*
 Data are absent, malformed or inconsistent.
 */
#define HCL_ERROR_DATA 3

/*
 A read or write of the system failed.
 */
#define HCL_ERROR_SYSTEM 4

/*
 There is not enough memory.
 */
#define HCL_ERROR_MEMORY 5

/*
 MPI is not as it must be.
 */
#define HCL_ERROR_COMMUNICATION 6

/*
 A bug of the library; end the program.
 */
#define HCL_ERROR_INTERNAL 70

/*
 Changes whenever a program has to be compiled anew: see docs/linking.md.
 */
#define HCL_ABI_VERSION 1

/*
 Values of 4 bytes, IEEE single precision.
 */
#define HCL_REAL32 4

/*
 Values of 8 bytes, IEEE double precision.
 */
#define HCL_REAL64 8

/*
 The most dimensions that anything here has.
 */
#define HCL_MAX_DIMS 8

/*
 A decomposition: the box of each rank.
 */
typedef struct hcl_blocks hcl_blocks;

/*
 A group of ranks. One thread uses it at a time, that which called MPI_Init.
 */
typedef struct hcl_context hcl_context;

/*
 A data set: one or many files with the same variables at different times.
 */
typedef struct hcl_dataset hcl_dataset;

/*
 The leading modes of a variable.
 */
typedef struct hcl_eof hcl_eof;

/*
 Halos around blocks.
 */
typedef struct hcl_halo hcl_halo;

/*
 An analysis under way.
 */
typedef struct hcl_insitu hcl_insitu;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 What the last call on this thread that returned a code other than 0 has to say, in one line. It
 holds until the next call on this thread.
 */
const char *hcl_error_message(void);

/*
 The version of the library, as in "0.1.0".
 */
const char *hcl_version(void);

/*
 The ABI of the library that is linked; compare it with HCL_ABI_VERSION of the header.
 */
int hcl_abi_version(void);

/*
 The ranks of a communicator of the host, which has called MPI_Init and will call MPI_Finalize
 after it has freed this. The communicator is duplicated; messages never meet those of the host.
 `threads` of each rank work on analyses (0: a fair share of the node); they never call MPI.
 Collective over the communicator.

 # Safety
 `context` is a place for a pointer.
 */
int hcl_context_new(MPI_Comm comm, int threads, hcl_context **context);

/*
 This process alone, without MPI.

 # Safety
 `context` is a place for a pointer.
 */
int hcl_context_serial(int threads, hcl_context **context);

/*
 The number of this rank, and of all; either may be NULL.

 # Safety
 The handle is valid.
 */
int hcl_context_rank(const hcl_context *context, int *rank, int *size);

/*
 Frees a context, before MPI_Finalize; NULL is let be. What was made of it lives on.
 Collective where MPI is used and nothing made of it is left.

 # Safety
 The handle is valid, and not used afterwards.
 */
void hcl_context_free(hcl_context *context);

/*
 The boxes of the ranks as the host has cut them: this rank holds `count[d]` indices from `start[d]`
 (from 0) along dimension d of a domain of `shape`, slowest dimension first (C order). Boxes are
 without halos, cover the domain once, may be uneven or empty. Collective.

 # Safety
 `shape`, `start` and `count` have `ndims` values, `blocks` is a place for a pointer.
 */
int hcl_blocks_new(const hcl_context *context,
                   int ndims,
                   const size_t *shape,
                   const size_t *start,
                   const size_t *count,
                   hcl_blocks **blocks);

/*
 A division of a domain into `parts[d]` even parts along each dimension, numbered in C order; ranks
 beyond hold nothing. Not collective.

 # Safety
 As hcl_blocks_new.
 */
int hcl_blocks_even(const hcl_context *context,
                    int ndims,
                    const size_t *shape,
                    const size_t *parts,
                    hcl_blocks **blocks);

/*
 The box of a rank: `start` and `count`, one value for each dimension.

 # Safety
 `start` and `count` have room for as many values as there are dimensions.
 */
int hcl_blocks_get(const hcl_blocks *blocks, int rank, size_t *start, size_t *count);

/*
 Frees blocks; NULL is let be.

 # Safety
 The handle is valid, and not used afterwards.
 */
void hcl_blocks_free(hcl_blocks *blocks);

/*
 Moves values of `type` from the boxes `from` to the boxes `to` of the same domain. Cell (i, j, ...) of
 a box lies at `data[i * strides[0] + j * strides[1] ...]`, strides in values; NULL: C order without
 gaps. Collective.

 # Safety
 The arrays hold this rank's boxes by their strides, and don't overlap.
 */
int hcl_redistribute(const hcl_context *context,
                     const hcl_blocks *from,
                     int type,
                     const void *data,
                     const ptrdiff_t *strides,
                     const hcl_blocks *to,
                     void *out,
                     const ptrdiff_t *out_strides);

/*
 Halos around blocks of one to three dimensions: of the options "width=1; y=wall; x=periodic", `width` is
 that of all dimensions, or of each, slowest first (1); `x`, `y` and `z` (last, last but one, first of
 three) tell what is beyond the ends of the domain: periodic, wall (cells stay as they are; the default),
 nearest (what the nearest cell holds), missing (NaN), a number, or of y fold-t or fold-f, the north fold
 of a tripolar grid through T or F points, with a wall in the south; there `point` (t, u, v, f) is where
 the field lives and `sign` is -1 for components of vectors. Collective.

 # Safety
 `options` is a text, `halo` a place for a pointer.
 */
int hcl_halo_new(const hcl_context *context,
                 const hcl_blocks *blocks,
                 const char *options,
                 hcl_halo **halo);

/*
 Fills the halo of an array of `type` from the blocks of other ranks and from what is beyond the ends of
 the domain: `field` is the first cell that the rank owns, strides are as in hcl_insitu_push, and the
 halo lies around the block. NULL strides: C order, the block with its halo without gaps. Only cells of
 the halo are written, only those that travel are read. Collective.

 # Safety
 The array holds this rank's block with its halo by its strides.
 */
int hcl_halo_exchange(hcl_halo *halo,
                      int type,
                      void *field,
                      const ptrdiff_t *strides);

/*
 How wide the halo is at either end of each dimension, slowest first: 0 on ranks without cells.

 # Safety
 `widths` has room for as many values as blocks have dimensions.
 */
int hcl_halo_widths(const hcl_halo *halo, size_t *widths);

/*
 Frees a halo; NULL is let be.

 # Safety
 The handle is valid, and not used afterwards.
 */
void hcl_halo_free(hcl_halo *halo);

/*
 Opens `count` files, or patterns of names such as "sst_*.nc", as one data set. Collective.

 # Safety
 `files` has `count` texts, `dataset` is a place for a pointer.
 */
int hcl_dataset_open(const hcl_context *context,
                     const char *const *files,
                     size_t count,
                     hcl_dataset **dataset);

/*
 The dimensions of a variable, slowest first, time among them: `shape` has room for HCL_MAX_DIMS
 lengths. Collective.

 # Safety
 As described.
 */
int hcl_dataset_shape(const hcl_dataset *dataset, const char *variable, int *ndims, size_t *shape);

/*
 Reads this rank's box of a variable: `count[d]` indices from `start[d]` along each of its dimensions
 (see hcl_dataset_shape), into an array of `type`; missing values become NaN, packed ones are
 unpacked. Strides as in hcl_redistribute. Collective; boxes may be empty.

 # Safety
 The array has room for the box by its strides.
 */
int hcl_dataset_read(const hcl_dataset *dataset,
                     const char *variable,
                     const size_t *start,
                     const size_t *count,
                     int type,
                     void *data,
                     const ptrdiff_t *strides);

/*
 Closes a data set; NULL is let be.

 # Safety
 The handle is valid, and not used afterwards.
 */
void hcl_dataset_free(hcl_dataset *dataset);

/*
 The first `modes` empirical orthogonal functions of a variable (at its first level), of anomalies
 about the time mean, weighted by the root of the cosine of latitude. Collective.

 # Safety
 `variable` is a text, `eof` a place for a pointer.
 */
int hcl_eof_new(const hcl_dataset *dataset, const char *variable, size_t modes, hcl_eof **eof);

/*
 How many modes and times there are; either may be NULL.

 # Safety
 The handle is valid.
 */
int hcl_eof_sizes(const hcl_eof *eof, size_t *modes, size_t *times);

/*
 The share of the variance that each mode explains: `len` is the number of modes.

 # Safety
 `out` has room for `len` values.
 */
int hcl_eof_variance_fraction(const hcl_eof *eof, double *out, size_t len);

/*
 The principal components, of variance 1, time after time with all modes of each: `len` is the number
 of times by that of modes.

 # Safety
 `out` has room for `len` values.
 */
int hcl_eof_pcs(const hcl_eof *eof,
                double *out,
                size_t len);

/*
 Frees modes; NULL is let be.

 # Safety
 The handle is valid, and not used afterwards.
 */
void hcl_eof_free(hcl_eof *eof);

/*
 Begins an analysis of the fields that the ranks hold as `blocks`, of time and these dimensions.
 `kind` is "stats", "climatology", "covariance", "histogram", "welch" or "eof"; `options` is a list such as
 "variable=h; units=m; ops=mean,var; time_units=days since 2000-01-01": see docs/api-c.md.
 Collective.

 # Safety
 `kind` and `options` are texts, `insitu` a place for a pointer.
 */
int hcl_insitu_begin(const hcl_context *context,
                     const hcl_blocks *blocks,
                     const char *kind,
                     const char *options,
                     hcl_insitu **insitu);

/*
 The coordinate of dimension `d` (from 0, slowest first) for the file of results: as many `values` as
 the domain is long, on every rank. Units "degrees_north" and "degrees_east" make it latitude or
 longitude. At any time before the end; before the first step where values count by them (weights).

 # Safety
 `values` has `len` values, `units` is a text.
 */
int hcl_insitu_axis(hcl_insitu *insitu,
                    int d,
                    const double *values,
                    size_t len,
                    const char *units);

/*
 Takes a step: this rank's box of the field at `time`, values of `type`. Cell (i, j, ...) lies at
 `field[i * strides[0] + j * strides[1] ...]`, strides in values; NULL: C order without gaps. The array
 may have halos: point at the first cell that the rank owns. NaN is missing. Nothing of the array is
 needed after the call. After an error the program may go on. Collective, at every step, whatever the
 last one returned.

 # Safety
 The array holds this rank's box by its strides.
 */
int hcl_insitu_push(hcl_insitu *insitu,
                    double time,
                    int type,
                    const void *field,
                    const ptrdiff_t *strides);

/*
 Takes a step of two fields, as a covariance or a joint histogram needs them, both with the same strides. Otherwise as
 hcl_insitu_push.

 # Safety
 The arrays hold this rank's box by its strides.
 */
int hcl_insitu_push2(hcl_insitu *insitu,
                     double time,
                     int type,
                     const void *field,
                     const void *other,
                     const ptrdiff_t *strides);

/*
 How many steps were taken, those before a restart too.

 # Safety
 The handle is valid.
 */
int hcl_insitu_steps(const hcl_insitu *insitu, size_t *steps);

/*
 Saves what was found to a file of the program's restart; the analysis goes on. Collective.

 # Safety
 `path` is a text.
 */
int hcl_insitu_save(hcl_insitu *insitu, const char *path);

/*
 Goes on from what hcl_insitu_save wrote, by the same kind and options on any ranks and blocks;
 before the first step. Collective.

 # Safety
 `path` is a text.
 */
int hcl_insitu_load(hcl_insitu *insitu, const char *path);

/*
 Encodes what was found, for a restart file of the program's own: `bytes` is the length of this rank's
 piece, which hcl_insitu_state_get gives. The pieces of all ranks together are the state; the analysis
 goes on. Collective.

 # Safety
 `bytes` is a place for a number.
 */
int hcl_insitu_state_size(hcl_insitu *insitu,
                          size_t *bytes);

/*
 Gives the piece that hcl_insitu_state_size has encoded, once: `len` is its length. Not collective.

 # Safety
 `buffer` has room for `len` bytes.
 */
int hcl_insitu_state_get(hcl_insitu *insitu, void *buffer, size_t len);

/*
 Goes on from pieces that hcl_insitu_state_get gave, by the same kind and options on any ranks and
 blocks, before the first step. The ranks together hand in the pieces of all ranks of then, each once, in
 any order: a rank none (`len` 0), one, or several one after the other. Collective.

 # Safety
 `buffer` has `len` bytes.
 */
int hcl_insitu_state_set(hcl_insitu *insitu,
                         const void *buffer,
                         size_t len);

/*
 Writes the results to a NetCDF file; the analysis is over, and is to be freed. Collective.

 # Safety
 `path` is a text.
 */
int hcl_insitu_finish(hcl_insitu *insitu, const char *path);

/*
 Frees an analysis, finished or not; NULL is let be.

 # Safety
 The handle is valid, and not used afterwards.
 */
void hcl_insitu_free(hcl_insitu *insitu);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* HALOCLINE_H */
