/* Ten thousand pushes, and every error that a host can make: run under valgrind, nothing leaks. */
#include <halocline.h>
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

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int pushes = argc > 1 ? atoi(argv[1]) : 10000, rank, size;
    const char *result = argc > 2 ? argv[2] : "pushes.nc";
    hcl_context *context = NULL, *none = NULL;
    hcl_blocks *blocks = NULL;
    hcl_insitu *means = NULL, *other = NULL;
    if (hcl_abi_version() != HCL_ABI_VERSION) bad = 1;
    expect(hcl_context_new(MPI_COMM_NULL, 1, &none), HCL_ERROR_USAGE, "no communicator");
    expect(hcl_context_new(MPI_COMM_WORLD, 1, NULL), HCL_ERROR_USAGE, "no place");
    expect(hcl_context_new(MPI_COMM_WORLD, 1, &context), HCL_OK, "context");
    hcl_context_rank(context, &rank, &size);

    /* Columns of a domain of 4 x 6, the last rank the widest. */
    size_t shape[2] = {4, 6}, start[2] = {0, rank < 6 ? rank : 6}, count[2] = {4, rank == size - 1 ? 6 - rank : 1};
    size_t outside[2] = {4, 7};
    expect(hcl_blocks_new(context, 2, shape, start, outside, &blocks), HCL_ERROR_USAGE, "a box outside");
    expect(hcl_blocks_new(context, 9, shape, start, count, &blocks), HCL_ERROR_USAGE, "too many dimensions");
    expect(hcl_blocks_new(context, 2, shape, NULL, count, &blocks), HCL_ERROR_USAGE, "no start");
    expect(hcl_blocks_new(NULL, 2, shape, start, count, &blocks), HCL_ERROR_USAGE, "no context");
    expect(hcl_blocks_new(context, 2, shape, start, count, &blocks), HCL_OK, "blocks");

    expect(hcl_insitu_begin(context, blocks, "median", "", &other), HCL_ERROR_USAGE, "no such kind");
    expect(hcl_insitu_begin(context, blocks, "stats", "colour=blue", &other), HCL_ERROR_USAGE, "no such option");
    expect(hcl_insitu_begin(context, blocks, "stats", "calendar=mayan", &other), HCL_ERROR_DATA, "no such calendar");
    expect(hcl_insitu_begin(context, blocks, "climatology", "variable=h; ops=mean,std; cycle=month", &means), HCL_OK, "begin");

    /* In columns, one halo cell at either side: Fortran's order, turned over by strides. */
    ptrdiff_t strides[2] = {1, 6}, wild[2] = {PTRDIFF_MAX, PTRDIFF_MAX};
    float *field = malloc(sizeof(float) * 6 * 8), first[24] = {0};
    for (int t = 0; t < pushes; t++) {
        for (int i = 0; i < 48; i++) field[i] = (float)((t * 31 + i * 17 + rank) % 101);
        expect(hcl_insitu_push(means, t, HCL_REAL32, field + 7, strides), HCL_OK, "push");
        if (t % 1000 == 5) {
            expect(hcl_insitu_push(means, t, HCL_REAL32, field + 7, strides), HCL_ERROR_USAGE, "the same time again");
            expect(hcl_insitu_push(means, t + 0.5, rank ? HCL_REAL32 : 3, first, NULL), HCL_ERROR_USAGE, "a type of one rank");
            expect(hcl_insitu_push(means, t + 0.5, HCL_REAL32, rank ? first : NULL, NULL), HCL_ERROR_USAGE, "no array on a rank");
            expect(hcl_insitu_push(means, t + 0.5, HCL_REAL32, field, wild), HCL_ERROR_USAGE, "wild strides");
            expect(hcl_insitu_push2(means, t + 0.5, HCL_REAL32, first, first, NULL), HCL_ERROR_USAGE, "two fields");
        }
    }
    size_t steps;
    expect(hcl_insitu_steps(means, &steps), HCL_OK, "steps");
    if (steps != (size_t)pushes) bad = 1;
    expect(hcl_insitu_save(means, "/no/such/folder/state"), HCL_ERROR_SYSTEM, "save");
    expect(hcl_insitu_load(means, "/no/such/folder/state"), HCL_ERROR_USAGE, "load after steps");
    expect(hcl_insitu_finish(means, result), HCL_OK, "finish");
    expect(hcl_insitu_push(means, 1e6, HCL_REAL32, first, NULL), HCL_ERROR_USAGE, "push when finished");
    expect(hcl_insitu_finish(means, result), HCL_ERROR_USAGE, "finish twice");
    hcl_insitu_free(means);
    hcl_insitu_free(NULL);
    hcl_blocks_free(blocks);
    hcl_context_free(context);
    free(field);
    MPI_Finalize();
    if (rank == 0) printf("%d pushes, %s\n", pushes, bad ? "not as expected" : "all as expected");
    return bad;
}
