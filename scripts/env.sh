# shellcheck shell=bash
# Source this file: `source scripts/env.sh`. It sets what building and running Halocline needs
# and touches nothing that is set already, so that module systems win.

# Where Debian and Ubuntu put the parallel NetCDF and HDF5 for this machine's architecture.
halocline_arch="$(gcc -print-multiarch 2>/dev/null || true)"
halocline_lib="/usr/lib/${halocline_arch:-$(uname -m)-linux-gnu}"
if [ -z "${NETCDF_DIR:-}" ] && [ -d "$halocline_lib/netcdf/mpi" ]; then
  export NETCDF_DIR="$halocline_lib/netcdf/mpi"
fi
if [ -z "${HDF5_DIR:-}" ] && [ -d "$halocline_lib/hdf5/openmpi" ]; then
  export HDF5_DIR="$halocline_lib/hdf5/openmpi"
fi
unset halocline_arch halocline_lib

# A toolchain that rustup has just installed is not yet on the path of this shell. In front, so
# that it also wins over an older one of the distribution.
if [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
  case ":$PATH:" in
    *":${CARGO_HOME:-$HOME/.cargo}/bin:"*) ;;
    *) export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH" ;;
  esac
fi

# Open MPI on a laptop or in a container: more ranks than cores are welcome, waiting ranks give
# way to working ones, and nobody is pinned. On a cluster, job scripts decide this instead.
export OMPI_MCA_rmaps_base_oversubscribe="${OMPI_MCA_rmaps_base_oversubscribe:-1}"
export OMPI_MCA_mpi_yield_when_idle="${OMPI_MCA_mpi_yield_when_idle:-1}"
export OMPI_MCA_hwloc_base_binding_policy="${OMPI_MCA_hwloc_base_binding_policy:-none}"
# Open MPI 5 reads these instead.
export PRTE_MCA_rmaps_default_mapping_policy="${PRTE_MCA_rmaps_default_mapping_policy:-:oversubscribe}"
export PRTE_MCA_hwloc_default_binding_policy="${PRTE_MCA_hwloc_default_binding_policy:-none}"
# Without ssh (containers), Open MPI would look for it in vain even on one machine.
if ! command -v ssh >/dev/null 2>&1 && [ -z "${OMPI_MCA_plm_rsh_agent:-}" ]; then
  export OMPI_MCA_plm_rsh_agent=sh
fi
# Root in a container or a test machine: Open MPI refuses unless told twice.
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
