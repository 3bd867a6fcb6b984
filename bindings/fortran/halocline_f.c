/* What a Fortran program needs and C alone can do: its communicator as C has it. */
#include <mpi.h>
#include "halocline.h"

int hcl_f_context_new(MPI_Fint comm, int threads, hcl_context **context)
{
    return hcl_context_new(MPI_Comm_f2c(comm), threads, context);
}
