#include "cli/cli.h"

int main(int argc, char** argv) { return bellwether::cli::run(argc, argv); }
