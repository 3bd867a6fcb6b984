/* Whether variables of two files have the same bits: compare A.nc B.nc VARIABLE... Reads in parallel:
 * each rank has some rows of the slowest dimension but one. */
#include <halocline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what)
{
    fprintf(stderr, "compare: %s: %s\n", what, hcl_error_message());
    return 1;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv); /* MPI_THREAD_SINGLE will do */
    hcl_context *context;
    hcl_dataset *sets[2] = {NULL, NULL};
    int rank, size, differ = 0;
    if (hcl_context_new(MPI_COMM_WORLD, 1, &context)) return fail("context");
    hcl_context_rank(context, &rank, &size);
    for (int k = 0; k < 2; k++) {
        const char *file = argv[1 + k];
        if (hcl_dataset_open(context, &file, 1, &sets[k])) return fail(file);
    }
    for (int a = 3; a < argc; a++) {
        double *data[2];
        size_t cells[2] = {1, 1};
        for (int k = 0; k < 2; k++) {
            int ndims;
            size_t shape[HCL_MAX_DIMS], start[HCL_MAX_DIMS] = {0}, count[HCL_MAX_DIMS];
            if (hcl_dataset_shape(sets[k], argv[a], &ndims, shape)) return fail(argv[a]);
            memcpy(count, shape, sizeof count);
            int d = ndims > 1 ? 1 : 0;
            start[d] = shape[d] * rank / size;
            count[d] = shape[d] * (rank + 1) / size - start[d];
            for (int i = 0; i < ndims; i++) cells[k] *= count[i];
            data[k] = malloc(cells[k] * sizeof(double) + 1);
            if (hcl_dataset_read(sets[k], argv[a], start, count, HCL_REAL64, data[k], NULL)) return fail(argv[a]);
        }
        if (cells[0] != cells[1] || memcmp(data[0], data[1], cells[0] * sizeof(double))) {
            fprintf(stderr, "compare: %s differs\n", argv[a]);
            differ = 1;
        }
        free(data[0]), free(data[1]);
    }
    hcl_dataset_free(sets[0]), hcl_dataset_free(sets[1]);
    hcl_context_free(context);
    MPI_Finalize();
    return differ;
}
