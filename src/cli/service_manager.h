// Tells the service manager how we are (sd_notify(3)): Type=notify of systemd. Without $NOTIFY_SOCKET nothing is said.
#pragma once

namespace bellwether::cli {

/// We serve, and this process is the one to watch: after a take-over it is not the one that systemd started.
void tell_ready();
void tell_reloading();
void tell_stopping();

}  // namespace bellwether::cli
