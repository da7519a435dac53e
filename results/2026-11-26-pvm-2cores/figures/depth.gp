# Throughput and latency against the queue depth (reconstruction)
# Made by 'bench figures'. Run in this folder: gnuplot depth.gp
set encoding utf8
set datafile separator "\t"
do for [format in "svg pdf png"] {
  if (format eq "svg") { set terminal svg size 720,520 dynamic enhanced font "DejaVu Sans,11" fontscale 1.3 background "#ffffff" }
  if (format eq "pdf") { set terminal pdfcairo size 10in,7.222222222222222in enhanced font "DejaVu Sans,11" background "#ffffff" }
  if (format eq "png") { set terminal pngcairo size 1440,1040 enhanced font "DejaVu Sans,11" fontscale 2 linewidth 2 pointscale 2 background "#ffffff" }
  set output 'depth.'.format
  set label 1 'Throughput and latency against the queue depth (reconstruction)' at screen 0.5,0.965 center font ",13" noenhanced front
  set label 2 'Reconstruction: the scenario is ours, made after the paper''s abstract; no figure of the paper is repeated here.' at screen 0.015,0.1423 left font ",8.5" noenhanced
  set label 3 'Host: Intel(R) Xeon(R) Processor, Linux 6.18.44-fc-v657, 1 NUMA node(s). KVM back end: pvm.' at screen 0.015,0.1173 left font ",8.5" noenhanced
  set label 4 'Left: requests per second; right: median latency of the requests. Points: median; whiskers: smallest and largest boot.' at screen 0.015,0.0923 left font ",8.5" noenhanced
  set label 5 'The unit is the boot: 5 to 8 repetitions of each.' at screen 0.015,0.0673 left font ",8.5" noenhanced
  set label 6 'Common to all: micro guest, randread, blocks of 4k, 1 guest(s), 1 worker(s) each, 1 I/O thread(s), engine libaio, page' at screen 0.015,0.0423 left font ",8.5" noenhanced
  set label 7 'cache, working set 16m, revision 79a55678cbba.' at screen 0.015,0.0173 left font ",8.5" noenhanced
  set tmargin at screen 0.8696
  set bmargin at screen 0.265
  set key at screen 0.5,0.945 center top horizontal maxcols 3 Left reverse noenhanced samplen 1.5 width 0 font ",10"
  set border 3 lc rgb "#333333"
  set grid y lt 1 lw 0.6 lc rgb "#cccccc"
  set tics nomirror noenhanced
  set style fill solid 1.0 border lc rgb "#333333"
  set multiplot
  set lmargin at screen 0.05
  set rmargin at screen 0.95
  unset border
  unset tics
  set xrange [0:1]
  set yrange [0:1]
  plot NaN with linespoints lw 1.6 ps 0.8 dt 1 pt 5 lc rgb "#D55E00" title 'virtio-blk', \
    NaN with linespoints lw 1.6 ps 0.8 dt 1 pt 9 lc rgb "#E69F00" title 'virtio-blk-poll', \
    NaN with linespoints lw 1.6 ps 0.8 dt 1 pt 11 lc rgb "#CC79A7" title 'virtio-blk-tuned', \
    NaN with linespoints lw 1.6 ps 0.8 dt 1 pt 7 lc rgb "#0072B2" title 'vext', \
    NaN with linespoints lw 1.6 ps 0.8 dt 1 pt 13 lc rgb "#56B4E9" title 'vext-adaptive'
  unset key
  unset label
  set xtics nomirror noenhanced
  set ytics nomirror noenhanced
  set border 3 lc rgb "#333333"
  set xrange [*:*]
  set lmargin at screen 0.105
  set rmargin at screen 0.47
  set xlabel 'requests in flight per worker' noenhanced
  set ylabel 'requests per second (log scale)' noenhanced
  set logscale x
  set logscale y
  set format y '%.0s%c'
  set yrange [*:*]
  set xrange [0.85:75.52]
  set xtics noenhanced ('1' 1, '2' 2, '4' 4, '8' 8, '16' 16, '32' 32, '64' 64)
  plot 'depth.dat' index 0 using 1:2:3:4 with yerrorlines lw 1.6 ps 0.8 dt 1 pt 5 lc rgb "#D55E00" title 'virtio-blk', \
    'depth.dat' index 1 using 1:2:3:4 with yerrorlines lw 1.6 ps 0.8 dt 1 pt 9 lc rgb "#E69F00" title 'virtio-blk-poll', \
    'depth.dat' index 2 using 1:2:3:4 with yerrorlines lw 1.6 ps 0.8 dt 1 pt 11 lc rgb "#CC79A7" title 'virtio-blk-tuned', \
    'depth.dat' index 3 using 1:2:3:4 with yerrorlines lw 1.6 ps 0.8 dt 1 pt 7 lc rgb "#0072B2" title 'vext', \
    'depth.dat' index 4 using 1:2:3:4 with yerrorlines lw 1.6 ps 0.8 dt 1 pt 13 lc rgb "#56B4E9" title 'vext-adaptive'
  set lmargin at screen 0.605
  set rmargin at screen 0.97
  set xlabel 'requests in flight per worker' noenhanced
  set ylabel 'latency p50, us (log scale)' noenhanced
  set logscale x
  set logscale y
  set format y '%g'
  set yrange [*:*]
  set xrange [0.85:75.52]
  set xtics noenhanced ('1' 1, '2' 2, '4' 4, '8' 8, '16' 16, '32' 32, '64' 64)
  plot 'depth.dat' index 5 using 1:2:3:4 with yerrorlines lw 1.6 ps 0.8 dt 1 pt 5 lc rgb "#D55E00" title 'virtio-blk', \
    'depth.dat' index 6 using 1:2:3:4 with yerrorlines lw 1.6 ps 0.8 dt 1 pt 9 lc rgb "#E69F00" title 'virtio-blk-poll', \
    'depth.dat' index 7 using 1:2:3:4 with yerrorlines lw 1.6 ps 0.8 dt 1 pt 11 lc rgb "#CC79A7" title 'virtio-blk-tuned', \
    'depth.dat' index 8 using 1:2:3:4 with yerrorlines lw 1.6 ps 0.8 dt 1 pt 7 lc rgb "#0072B2" title 'vext', \
    'depth.dat' index 9 using 1:2:3:4 with yerrorlines lw 1.6 ps 0.8 dt 1 pt 13 lc rgb "#56B4E9" title 'vext-adaptive'
  unset multiplot
  unset output
  reset
  set datafile separator "\t"
}
