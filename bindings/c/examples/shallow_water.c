/* A small shallow-water model whose fields are analysed while it runs.
 *
 *   mpirun -n 3 shallow_water FOLDER STEPS [FROM_STEP]
 *
 * Linear waves in a channel that rotates, periodic in x, with walls in y, on a C grid; forward
 * in the momentum, backward in the surface. Domains are cut into uneven blocks with halos. It
 * writes the surface and a velocity to FOLDER/dump.nc, for comparison with what halocline made
 * of them in memory; FOLDER/restart.bin with the states beside it goes on on any ranks.
 */
#include <halocline.h>
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef NX /* another size: -DNX=600 -DNY=440 */
enum { NX = 60, NY = 44 };
#endif
static const double gravity = 9.81, depth = 100.0, dx = 1000.0, dt = 15.0, coriolis = 1e-4, drag = 1e-6;

typedef struct {
    int rank, size, px, py, ix, iy; /* the grid of ranks, and this one's place */
    int x0, y0, nx, ny;             /* its block */
    int stride;                     /* from one row to the next, halos too */
    double *h, *u, *v;
} model;

#define AT(m, f, j, i) ((m)->f[((j) + 1) * (m)->stride + (i) + 1])

/* Analyses are no reason to end a model: it tells, and goes on without. */
static int failed = 0;
static int told(int code, const char *what)
{
    if (code) {
        failed = 1;
        fprintf(stderr, "%s: %s\n", what, hcl_error_message());
    }
    return code;
}

/* Uneven on purpose: the k-th of n pieces is k + 1 shares wide. */
static int edge(int length, int n, int k) { return length * k * (k + 1) / (n * (n + 1)); }

static void begin(model *m)
{
    MPI_Comm_rank(MPI_COMM_WORLD, &m->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &m->size);
    m->py = m->size % 2 == 0 ? 2 : 1;
    m->px = m->size / m->py;
    /* Ranks count down the columns, as many models do. */
    m->ix = m->rank / m->py;
    m->iy = m->rank % m->py;
    m->x0 = edge(NX, m->px, m->ix);
    m->nx = edge(NX, m->px, m->ix + 1) - m->x0;
    m->y0 = edge(NY, m->py, m->iy);
    m->ny = edge(NY, m->py, m->iy + 1) - m->y0;
    m->stride = m->nx + 2;
    size_t n = (size_t)m->stride * (m->ny + 2);
    m->h = calloc(n, sizeof(double));
    m->u = calloc(n, sizeof(double));
    m->v = calloc(n, sizeof(double));
    for (int j = 0; j < m->ny; j++)
        for (int i = 0; i < m->nx; i++) {
            double x = (m->x0 + i - 0.4 * NX) / 6.0, y = (m->y0 + j - 0.55 * NY) / 5.0;
            AT(m, h, j, i) = exp(-x * x - y * y);
        }
}

static int neighbour(const model *m, int ix, int iy)
{
    if (iy < 0 || iy >= m->py) return MPI_PROC_NULL;
    return (ix + m->px) % m->px * m->py + iy;
}

static void exchange(model *m, double *f)
{
    MPI_Datatype column;
    MPI_Type_vector(m->ny, 1, m->stride, MPI_DOUBLE, &column);
    MPI_Type_commit(&column);
    int west = neighbour(m, m->ix - 1, m->iy), east = neighbour(m, m->ix + 1, m->iy);
    int south = neighbour(m, m->ix, m->iy - 1), north = neighbour(m, m->ix, m->iy + 1);
    double *origin = f + m->stride + 1, *top = f + m->stride * m->ny + 1;
    MPI_Status *no = MPI_STATUS_IGNORE;
    MPI_Comm all = MPI_COMM_WORLD;
    MPI_Sendrecv(origin + m->nx - 1, 1, column, east, 1, origin - 1, 1, column, west, 1, all, no);
    MPI_Sendrecv(origin, 1, column, west, 2, origin + m->nx, 1, column, east, 2, all, no);
    MPI_Sendrecv(top, m->nx, MPI_DOUBLE, north, 3, f + 1, m->nx, MPI_DOUBLE, south, 3, all, no);
    MPI_Sendrecv(origin, m->nx, MPI_DOUBLE, south, 4, top + m->stride, m->nx, MPI_DOUBLE, north, 4, all, no);
    MPI_Type_free(&column);
}

static void advance(model *m)
{
    exchange(m, m->h);
    for (int j = 0; j < m->ny; j++)
        for (int i = 0; i < m->nx; i++) {
            double u = AT(m, u, j, i), v = AT(m, v, j, i);
            double slope_x = (AT(m, h, j, i) - AT(m, h, j, i - 1)) / dx;
            double slope_y = (AT(m, h, j, i) - AT(m, h, j - 1, i)) / dx;
            AT(m, u, j, i) = u + dt * (coriolis * v - gravity * slope_x - drag * u);
            AT(m, v, j, i) = m->y0 + j == 0 ? 0.0 : v + dt * (-coriolis * u - gravity * slope_y - drag * v);
        }
    exchange(m, m->u);
    exchange(m, m->v);
    for (int j = 0; j < m->ny; j++)
        for (int i = 0; i < m->nx; i++) {
            double north = m->y0 + j == NY - 1 ? 0.0 : AT(m, v, j + 1, i);
            double flow = AT(m, u, j, i + 1) - AT(m, u, j, i) + north - AT(m, v, j, i);
            AT(m, h, j, i) -= dt * depth * flow / dx;
        }
}

/* The whole domain on rank 0, row after row. */
static void gather(const model *m, double *f, double *all)
{
    int own[4] = {m->x0, m->y0, m->nx, m->ny};
    double *packed = malloc(sizeof(double) * NX * NY);
    for (int j = 0; j < m->ny; j++)
        memcpy(packed + j * m->nx, f + (j + 1) * m->stride + 1, sizeof(double) * m->nx);
    if (m->rank > 0) {
        MPI_Send(own, 4, MPI_INT, 0, 5, MPI_COMM_WORLD);
        MPI_Send(packed, m->nx * m->ny, MPI_DOUBLE, 0, 6, MPI_COMM_WORLD);
    }
    for (int from = 0; m->rank == 0 && from < m->size; from++) {
        if (from > 0) {
            MPI_Recv(own, 4, MPI_INT, from, 5, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            MPI_Recv(packed, NX * NY, MPI_DOUBLE, from, 6, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        }
        for (int j = 0; j < own[3]; j++)
            memcpy(all + (own[1] + j) * NX + own[0], packed + j * own[2], sizeof(double) * own[2]);
    }
    free(packed);
}

/* --- The model's own file: NetCDF classic by hand, written by rank 0. --- */

static void word(FILE *out, unsigned value)
{
    for (int shift = 24; shift >= 0; shift -= 8) fputc(value >> shift & 255, out);
}
static void number(FILE *out, double value)
{
    unsigned long long bits;
    memcpy(&bits, &value, 8);
    word(out, bits >> 32);
    word(out, bits & 0xffffffffu);
}
static void name(FILE *out, const char *text)
{
    size_t n = strlen(text);
    word(out, n);
    for (size_t i = 0; i < (n + 3) / 4 * 4; i++) fputc(i < n ? text[i] : 0, out);
}
static void variable(FILE *out, const char *called, int ndims, int first, const char *units, unsigned values, unsigned *place)
{
    name(out, called);
    word(out, ndims);
    for (int d = 0; d < ndims; d++) word(out, first + d);
    word(out, 12); /* one attribute */
    word(out, 1);
    name(out, "units");
    word(out, 2);
    name(out, units);
    word(out, 6); /* double */
    word(out, values * 8);
    word(out, *place);
    *place += values * 8;
}
static FILE *dump_header(const char *path, int steps)
{
    FILE *out = fopen(path, "wb");
    if (!out) return NULL;
    const unsigned dims[3] = {steps, NY, NX};
    const char *names[3] = {"time", "y", "x"};
    unsigned begin = 1024; /* behind the header */
    fputs("CDF", out);
    fputc(1, out);
    word(out, 0);
    word(out, 10);
    word(out, 3);
    for (int d = 0; d < 3; d++) name(out, names[d]), word(out, dims[d]);
    word(out, 0), word(out, 0); /* no attributes of the file */
    word(out, 11);
    word(out, 5);
    variable(out, "time", 1, 0, "seconds since 2001-01-01", steps, &begin);
    variable(out, "y", 1, 1, "m", NY, &begin);
    variable(out, "x", 1, 2, "m", NX, &begin);
    variable(out, "h", 3, 0, "m", steps * NY * NX, &begin);
    variable(out, "u", 3, 0, "m s-1", steps * NY * NX, &begin);
    while (ftell(out) < 1024) fputc(0, out);
    for (int t = 0; t < steps; t++) number(out, t * dt);
    for (int j = 0; j < NY; j++) number(out, j * dx);
    for (int i = 0; i < NX; i++) number(out, i * dx);
    return out;
}
static void dump_step(FILE *out, int steps, int t, int which, const double *all)
{
    long cells = NX * NY;
    fseek(out, 1024 + 8 * (steps + NY + NX + cells * ((long)which * steps + t)), SEEK_SET);
    for (long i = 0; i < cells; i++) number(out, all[i]);
}

/* --- The analyses. --- */

#define SINCE "; time_units=seconds since 2001-01-01"
enum { KINDS = 6, COVARIANCE = 2 };
static const char *kinds[KINDS] = {"stats", "climatology", "covariance", "histogram", "welch", "eof"};
static const char *options[KINDS] = {
    "variable=h; units=m; ops=mean,std,min,max,count" SINCE,
    "variable=h; units=m; ops=mean,var; cycle=hour" SINCE,
    "variable=h,u; units=m,m s-1" SINCE,
    "variable=h; units=m; bins=-1:1:40; over=time" SINCE,
    "variable=h; units=m; segment=64; frequency_units=cycles/hour" SINCE,
    "variable=h; units=m; modes=4; batch=64" SINCE,
};

int main(int argc, char **argv)
{
    /* FUNNELED is enough: the library's threads never call MPI. */
    int level;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
    if (argc < 3) {
        fprintf(stderr, "usage: shallow_water FOLDER STEPS [FROM_STEP]\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    const char *folder = argv[1];
    int steps = atoi(argv[2]), from = argc > 3 ? atoi(argv[3]) : 0, until = argc > 4 ? atoi(argv[4]) : steps;
    char path[4096];
    model m = {0};
    begin(&m);
    double *all = malloc(sizeof(double) * 3 * NX * NY);

    hcl_context *context = NULL;
    hcl_blocks *blocks = NULL;
    hcl_insitu *analysis[KINDS] = {NULL};
    size_t shape[2] = {NY, NX}, start[2] = {m.y0, m.x0}, count[2] = {m.ny, m.nx};
    double x[NX], y[NY];
    for (int i = 0; i < NX; i++) x[i] = i * dx;
    for (int j = 0; j < NY; j++) y[j] = j * dx;
    told(hcl_context_new(MPI_COMM_WORLD, 1, &context), "context");
    told(hcl_blocks_new(context, 2, shape, start, count, &blocks), "blocks");
    for (int k = 0; k < KINDS; k++) {
        told(hcl_insitu_begin(context, blocks, kinds[k], options[k], &analysis[k]), kinds[k]);
        told(hcl_insitu_axis(analysis[k], 0, y, NY, "m"), kinds[k]);
        told(hcl_insitu_axis(analysis[k], 1, x, NX, "m"), kinds[k]);
    }

    if (from > 0) { /* every rank reads the restart and takes its block */
        snprintf(path, sizeof path, "%s/restart.bin", folder);
        FILE *in = fopen(path, "rb");
        if (!in || fread(all, sizeof(double), 3 * NX * NY, in) != 3 * NX * NY) MPI_Abort(MPI_COMM_WORLD, 3);
        fclose(in);
        for (int j = 0; j < m.ny; j++)
            for (int i = 0; i < m.nx; i++) {
                const double *cell = all + (m.y0 + j) * NX + m.x0 + i;
                AT(&m, h, j, i) = cell[0], AT(&m, u, j, i) = cell[NX * NY], AT(&m, v, j, i) = cell[2 * NX * NY];
            }
        for (int k = 0; k < KINDS; k++) {
            snprintf(path, sizeof path, "%s/restart.%s", folder, kinds[k]);
            told(hcl_insitu_load(analysis[k], path), path);
        }
    }

    FILE *out = NULL;
    snprintf(path, sizeof path, "%s/dump.nc", folder);
    if (m.rank == 0 && from == 0 && until == steps) out = dump_header(path, steps);
    ptrdiff_t strides[2] = {m.stride, 1};
    double model_time = 0, push_time[KINDS] = {0};
    for (int t = from; t < until; t++) {
        double before = MPI_Wtime();
        advance(&m);
        double between = MPI_Wtime();
        model_time += between - before;
        const double *h = &AT(&m, h, 0, 0), *u = &AT(&m, u, 0, 0);
        for (int k = 0; k < KINDS; k++) {
            if (k == COVARIANCE)
                told(hcl_insitu_push2(analysis[k], t * dt, HCL_REAL64, h, u, strides), "push");
            else
                told(hcl_insitu_push(analysis[k], t * dt, HCL_REAL64, h, strides), "push");
            double after = MPI_Wtime();
            push_time[k] += after - between;
            between = after;
        }
        if (from == 0 && until == steps) {
            gather(&m, m.h, all);
            if (out) dump_step(out, steps, t, 0, all);
            gather(&m, m.u, all);
            if (out) dump_step(out, steps, t, 1, all);
        }
    }
    if (out) fclose(out);

    if (until < steps) { /* a restart for later */
        double *fields[3] = {m.h, m.u, m.v};
        for (int f = 0; f < 3; f++) gather(&m, fields[f], all + f * NX * NY);
        snprintf(path, sizeof path, "%s/restart.bin", folder);
        FILE *restart = m.rank == 0 ? fopen(path, "wb") : NULL;
        if (restart) fwrite(all, sizeof(double), 3 * NX * NY, restart), fclose(restart);
        for (int k = 0; k < KINDS; k++) {
            snprintf(path, sizeof path, "%s/restart.%s", folder, kinds[k]);
            told(hcl_insitu_save(analysis[k], path), path);
        }
    } else {
        for (int k = 0; k < KINDS; k++) {
            snprintf(path, sizeof path, "%s/%s.nc", folder, kinds[k]);
            told(hcl_insitu_finish(analysis[k], path), path);
        }
    }
    if (m.rank == 0) {
        double each = 1e6 / (until - from);
        printf("%d ranks: %.1f us a step of the model; a push:", m.size, each * model_time);
        for (int k = 0; k < KINDS; k++) printf(" %s %.1f", kinds[k], each * push_time[k]);
        printf(" us\n");
    }
    for (int k = 0; k < KINDS; k++) hcl_insitu_free(analysis[k]);
    hcl_blocks_free(blocks);
    hcl_context_free(context);
    free(all), free(m.h), free(m.u), free(m.v);
    MPI_Finalize();
    return failed;
}
