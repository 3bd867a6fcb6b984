/* Chunks at the edges that are stored without their filters; numbers of fewer bits than bytes. */
#include <hdf5.h>
int main(int argc, char **argv) {
  hid_t a = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(a, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  hid_t f = H5Fcreate(argv[1], H5F_ACC_TRUNC, H5P_DEFAULT, a);
  hsize_t shape[2] = {10, 9}, chunk[2] = {4, 4};
  int v[90];
  for (int i = 0; i < 90; i++) v[i] = i - 30;
  for (int k = 0; k < 2; k++) {
    hid_t p = H5Pcreate(H5P_DATASET_CREATE), s = H5Screate_simple(2, shape, 0);
    H5Pset_chunk(p, 2, chunk);
    if (k) H5Pset_shuffle(p); else H5Pset_deflate(p, 4);
    H5Pset_chunk_opts(p, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS);
    hid_t d = H5Dcreate2(f, k ? "shuffled" : "deflated", H5T_STD_I32LE, s, H5P_DEFAULT, p, H5P_DEFAULT);
    H5Dwrite(d, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v);
    H5Dclose(d);
  }
  hid_t p = H5Pcreate(H5P_DATASET_CREATE), s = H5Screate_simple(2, shape, 0), t = H5Tcopy(H5T_STD_I32LE);
  H5Tset_precision(t, 12);
  H5Pset_chunk(p, 2, chunk);
  H5Pset_nbit(p);
  hid_t d = H5Dcreate2(f, "narrow", t, s, H5P_DEFAULT, p, H5P_DEFAULT);
  H5Dwrite(d, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v);
  H5Dclose(d);
  return H5Fclose(f) < 0;
}
