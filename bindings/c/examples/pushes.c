/* Ten thousand pushes, and every error that a host can make: run under valgrind, nothing leaks. */
#include <halocline.h>
#include <math.h>
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int bad = 0;
static void expect(int got, int wanted, const char *what)
{
    int silent = wanted && !hcl_error_message()[0];
    if (got != wanted || silent) {
        fprintf(stderr, "%s: code %d, not %d: %s\n", what, got, wanted, hcl_error_message());
        bad = 1;
    }
}

/* Halos: columns that are periodic in x, walls in y; then what can be wrong. */
static void halos(hcl_context *context, hcl_context *alone, hcl_blocks *blocks, int size, size_t columns)
{
    hcl_halo *halo = NULL, *none = NULL;
    expect(hcl_halo_new(context, blocks, "width=1; x=round", &none), HCL_ERROR_USAGE, "no such end");
    expect(hcl_halo_new(context, blocks, "x=fold-t", &none), HCL_ERROR_USAGE, "a fold in x");
    expect(hcl_halo_new(context, blocks, "width=1,2,3", &none), HCL_ERROR_USAGE, "three widths of two");
    expect(hcl_halo_new(context, NULL, "", &none), HCL_ERROR_USAGE, "no blocks");
    if (size > 1) expect(hcl_halo_new(alone, blocks, "", &none), HCL_ERROR_USAGE, "blocks of other ranks");
    expect(hcl_halo_new(context, blocks, "width=1; x=periodic; y=-7", &halo), HCL_OK, "halo");
    float *field = malloc(sizeof(float) * 6 * (columns + 2));
    for (size_t i = 0; i < 6 * (columns + 2); i++) field[i] = 3;
    for (int k = 0; k < 200; k++)
        expect(hcl_halo_exchange(halo, HCL_REAL32, field + columns + 3, NULL), HCL_OK, "exchange");
    if (field[0] != -7 || field[columns + 2] != 3) expect(1, 0, "what is in the halo");
    expect(hcl_halo_exchange(halo, 5, field, NULL), HCL_ERROR_USAGE, "a type that is none");
    expect(hcl_halo_exchange(halo, HCL_REAL32, NULL, NULL), HCL_ERROR_USAGE, "no array");
    expect(hcl_halo_exchange(NULL, HCL_REAL32, field, NULL), HCL_ERROR_USAGE, "no halo");
    hcl_halo_free(halo);
    hcl_halo_free(NULL);
    free(field);
}

/* A state in memory: out of one analysis, into another. */
static void states(hcl_insitu *means, hcl_insitu *other, int size)
{
    size_t length = 0, steps = 0, before = 0;
    char small[8];
    expect(hcl_insitu_state_get(means, small, 8), HCL_ERROR_USAGE, "a state that was not measured");
    expect(hcl_insitu_state_size(means, &length), HCL_OK, "state size");
    char *bytes = malloc(length);
    expect(hcl_insitu_state_get(means, small, 8), HCL_ERROR_USAGE, "too little room");
    expect(hcl_insitu_state_get(means, bytes, length), HCL_OK, "state");
    if (size > 1) expect(hcl_insitu_state_set(other, NULL, 0), HCL_ERROR_DATA, "no pieces");
    bytes[length / 2] ^= 1;
    expect(hcl_insitu_state_set(other, bytes, length), HCL_ERROR_DATA, "a damaged piece");
    bytes[length / 2] ^= 1;
    expect(hcl_insitu_state_set(means, bytes, length), HCL_ERROR_USAGE, "a state after steps");
    expect(hcl_insitu_state_set(other, bytes, length), HCL_OK, "state taken up");
    hcl_insitu_steps(means, &before);
    expect(hcl_insitu_steps(other, &steps), HCL_OK, "steps taken up");
    if (steps != before) bad = 1;
    free(bytes);
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int pushes = argc > 1 ? atoi(argv[1]) : 10000, rank, size;
    const char *result = argc > 2 ? argv[2] : "pushes.nc";
    hcl_context *context = NULL, *alone = NULL, *none = NULL;
    hcl_blocks *blocks = NULL;
    hcl_insitu *means = NULL, *other = NULL, *more[3] = {NULL};
    if (hcl_abi_version() != HCL_ABI_VERSION) bad = 1;
    expect(hcl_context_new(MPI_COMM_NULL, 1, &none), HCL_ERROR_USAGE, "no communicator");
    expect(hcl_context_new(MPI_COMM_WORLD, 1, NULL), HCL_ERROR_USAGE, "no place");
    expect(hcl_context_new(MPI_COMM_WORLD, 1, &context), HCL_OK, "context");
    hcl_context_rank(context, &rank, &size);

    /* Columns of a domain of 4 x 6, the last rank the widest. */
    size_t shape[2] = {4, 6}, start[2] = {0, rank < 6 ? rank : 6}, count[2] = {4, rank == size - 1 ? 6 - rank : 1};
    size_t outside[2] = {4, 7}, all[2] = {4, 6}, origin[2] = {0, 0};
    expect(hcl_context_serial(1, &alone), HCL_OK, "this rank alone");
    if (size > 1) expect(hcl_blocks_new(context, 2, shape, origin, all, &blocks), HCL_ERROR_USAGE, "boxes that overlap");
    expect(hcl_blocks_new(context, 2, outside, start, count, &blocks), HCL_ERROR_USAGE, "cells in no box");
    expect(hcl_blocks_new(context, 2, shape, start, outside, &blocks), HCL_ERROR_USAGE, "a box outside");
    expect(hcl_blocks_new(context, 9, shape, start, count, &blocks), HCL_ERROR_USAGE, "too many dimensions");
    expect(hcl_blocks_new(context, 2, shape, NULL, count, &blocks), HCL_ERROR_USAGE, "no start");
    expect(hcl_blocks_new(NULL, 2, shape, start, count, &blocks), HCL_ERROR_USAGE, "no context");
    expect(hcl_blocks_new(context, 2, shape, start, count, &blocks), HCL_OK, "blocks");

    expect(hcl_insitu_begin(context, blocks, "median", "", &other), HCL_ERROR_USAGE, "no such kind");
    expect(hcl_insitu_begin(context, blocks, "stats", "colour=blue", &other), HCL_ERROR_USAGE, "no such option");
    expect(hcl_insitu_begin(context, blocks, "stats", "calendar=mayan", &other), HCL_ERROR_DATA, "no such calendar");
    expect(hcl_insitu_begin(context, blocks, "stats", rank ? "ops=max" : "ops=mean", &other), size > 1 ? HCL_ERROR_USAGE : HCL_OK, "ranks of other minds");
    hcl_insitu_free(other);
    if (size > 1) expect(hcl_insitu_begin(alone, blocks, "stats", "", &other), HCL_ERROR_USAGE, "blocks of other ranks");
    expect(hcl_insitu_begin(context, blocks, "histogram", "bins=0:100:20; over=time", &more[0]), HCL_OK, "histogram");
    expect(hcl_insitu_begin(context, blocks, "welch", "segment=16", &more[1]), HCL_OK, "welch");
    expect(hcl_insitu_begin(context, blocks, "eof", "modes=2; state_modes=4; batch=50", &more[2]), HCL_OK, "eof");
    expect(hcl_insitu_begin(context, blocks, "climatology", "variable=h; ops=mean,std; cycle=month", &other), HCL_OK, "begin");
    expect(hcl_insitu_begin(context, blocks, "climatology", "variable=h; ops=mean,std; cycle=month", &means), HCL_OK, "begin");

    /* In columns, one halo cell at either side: Fortran's order, turned over by strides. */
    ptrdiff_t strides[2] = {1, 6}, wild[2] = {PTRDIFF_MAX, PTRDIFF_MAX};
    float *field = malloc(sizeof(float) * 6 * 8), first[24] = {0};
    for (int t = 0; t < pushes; t++) {
        for (int i = 0; i < 48; i++) field[i] = (float)((t * 31 + i * 17 + rank) % 101);
        expect(hcl_insitu_push(means, t, HCL_REAL32, field + 7, strides), HCL_OK, "push");
        for (int k = 0; k < 3 && t % 20 == 0; k++)
            expect(hcl_insitu_push(more[k], t, HCL_REAL32, field + 7, strides), HCL_OK, "push of another kind");
        if (t % 1000 == 5) {
            expect(hcl_insitu_push(means, NAN, HCL_REAL32, field + 7, strides), HCL_ERROR_DATA, "no time");
            expect(hcl_insitu_push(means, t + 0.5, HCL_REAL64, field, NULL), HCL_ERROR_USAGE, "another precision");
            if (size > 1) expect(hcl_insitu_push(means, t + 0.1 * rank, HCL_REAL32, field, NULL), HCL_ERROR_USAGE, "times of each rank");
            expect(hcl_insitu_push(means, t, HCL_REAL32, field + 7, strides), HCL_ERROR_USAGE, "the same time again");
            expect(hcl_insitu_push(means, t + 0.5, rank ? HCL_REAL32 : 3, first, NULL), HCL_ERROR_USAGE, "a type of one rank");
            expect(hcl_insitu_push(means, t + 0.5, HCL_REAL32, rank ? first : NULL, NULL), HCL_ERROR_USAGE, "no array on a rank");
            expect(hcl_insitu_push(means, t + 0.5, HCL_REAL32, field, wild), HCL_ERROR_USAGE, "wild strides");
            expect(hcl_insitu_push2(means, t + 0.5, HCL_REAL32, first, first, NULL), HCL_ERROR_USAGE, "two fields");
        }
    }
    states(means, other, size);
    halos(context, alone, blocks, size, count[1]);
    size_t steps;
    expect(hcl_insitu_steps(means, &steps), HCL_OK, "steps");
    if (steps != (size_t)pushes) bad = 1;
    expect(hcl_insitu_save(means, "/no/such/folder/state"), HCL_ERROR_SYSTEM, "save");
    expect(hcl_insitu_load(means, "/no/such/folder/state"), HCL_ERROR_USAGE, "load after steps");
    expect(hcl_insitu_finish(means, result), HCL_OK, "finish");
    expect(hcl_insitu_push(means, 1e6, HCL_REAL32, first, NULL), HCL_ERROR_USAGE, "push when finished");
    expect(hcl_insitu_finish(means, result), HCL_ERROR_USAGE, "finish twice");
    expect(hcl_insitu_state_size(means, &steps), HCL_ERROR_USAGE, "a state when finished");
    for (int k = 0; k < 3; k++) {
        expect(hcl_insitu_finish(more[k], result), HCL_OK, "finish");
        hcl_insitu_free(more[k]);
    }
    expect(hcl_insitu_finish(other, "/no/such/folder/means.nc"), HCL_ERROR_SYSTEM, "finish to nowhere");
    expect(hcl_insitu_finish(other, result), HCL_OK, "finish after that, where there is a folder");
    hcl_insitu_free(means);
    hcl_insitu_free(other);
    hcl_insitu_free(NULL);
    hcl_blocks_free(blocks);
    hcl_context_free(alone);
    hcl_context_free(context);
    free(field);
    MPI_Finalize();
    if (rank == 0) printf("%d pushes, %s\n", pushes, bad ? "not as expected" : "all as expected");
    return bad;
}
