# Throughput by workload and data path (reconstruction)
# Made by 'bench figures'. Run in this folder: gnuplot throughput.gp
set encoding utf8
set datafile separator "\t"
do for [format in "svg pdf png"] {
  if (format eq "svg") { set terminal svg size 720,520 dynamic enhanced font "DejaVu Sans,11" fontscale 1.3 background "#ffffff" }
  if (format eq "pdf") { set terminal pdfcairo size 10in,7.222222222222222in enhanced font "DejaVu Sans,11" background "#ffffff" }
  if (format eq "png") { set terminal pngcairo size 1440,1040 enhanced font "DejaVu Sans,11" fontscale 2 linewidth 2 pointscale 2 background "#ffffff" }
  set output 'throughput.'.format
  set label 1 'Throughput by workload and data path (reconstruction)' at screen 0.5,0.965 center font ",13" noenhanced front
  set label 2 'Reconstruction: the scenario is ours, made after the paper''s abstract; no figure of the paper is repeated here.' at screen 0.015,0.1923 left font ",8.5" noenhanced
  set label 3 'Host: AMD EPYC, Linux 6.18.44-fc-v857, 1 NUMA node(s). KVM back end: pvm.' at screen 0.015,0.1673 left font ",8.5" noenhanced
  set label 4 'Bars: median of all guests'' requests per second; whiskers: smallest and largest boot. The unit is the boot: 3' at screen 0.015,0.1423 left font ",8.5" noenhanced
  set label 5 'repetitions of each.' at screen 0.015,0.1173 left font ",8.5" noenhanced
  set label 6 'Common to all: micro guest, iodepth 1, 1 guest(s), 1 worker(s) each, 1 I/O thread(s), engine libaio, page cache,' at screen 0.015,0.0923 left font ",8.5" noenhanced
  set label 7 'revision 4b10d25c1535.' at screen 0.015,0.0673 left font ",8.5" noenhanced
  set label 8 'NOT TO BE TRUSTED: io-thread-cpu in 3 of 180 boots (a polling I/O thread had its CPU for less than 95 % of the' at screen 0.015,0.0423 left font ",8.5" noenhanced
  set label 9 'window); vcpu-cpu in 1 of 180 boots (a polling vCPU had its CPU for less than 95 % of the window).' at screen 0.015,0.0173 left font ",8.5" noenhanced
  set tmargin at screen 0.8696
  set bmargin at screen 0.35
  set key at screen 0.5,0.945 center top horizontal maxcols 3 Left reverse noenhanced samplen 1.5 width 0 font ",10"
  set border 3 lc rgb "#333333"
  set grid y lt 1 lw 0.6 lc rgb "#cccccc"
  set tics nomirror noenhanced
  set style fill solid 1.0 border lc rgb "#333333"
  set lmargin at screen 0.105
  set rmargin at screen 0.97
  set xlabel '' noenhanced
  set ylabel 'requests per second (log scale)' noenhanced
  unset logscale x
  set logscale y
  set format y '%.0s%c'
  set yrange [*:*]
  set xrange [-0.6:11.6]
  set xtics rotate by 30 right noenhanced ('randread 4k' 0, 'randread 64k' 1, 'randread 256k' 2, 'randwrite 4k' 3, 'randwrite 64k' 4, 'randwrite 256k' 5, 'read 4k' 6, 'read 64k' 7, 'read 256k' 8, 'write 4k' 9, 'write 64k' 10, 'write 256k' 11)
  plot 'throughput.dat' index 0 using 1:2:(0.16399999999999998) with boxes lc rgb "#D55E00" title 'virtio-blk', \
    'throughput.dat' index 1 using 1:2:(0.16399999999999998) with boxes lc rgb "#E69F00" title 'virtio-blk-poll', \
    'throughput.dat' index 2 using 1:2:(0.16399999999999998) with boxes lc rgb "#CC79A7" title 'virtio-blk-tuned', \
    'throughput.dat' index 3 using 1:2:(0.16399999999999998) with boxes lc rgb "#0072B2" title 'vext', \
    'throughput.dat' index 4 using 1:2:(0.16399999999999998) with boxes lc rgb "#56B4E9" title 'vext-adaptive', \
    'throughput.dat' index 0 using 1:3:(0):($4-$3) with vectors heads size screen 0.004,90 nofilled lw 1.2 lc rgb "#000000" notitle, \
    'throughput.dat' index 1 using 1:3:(0):($4-$3) with vectors heads size screen 0.004,90 nofilled lw 1.2 lc rgb "#000000" notitle, \
    'throughput.dat' index 2 using 1:3:(0):($4-$3) with vectors heads size screen 0.004,90 nofilled lw 1.2 lc rgb "#000000" notitle, \
    'throughput.dat' index 3 using 1:3:(0):($4-$3) with vectors heads size screen 0.004,90 nofilled lw 1.2 lc rgb "#000000" notitle, \
    'throughput.dat' index 4 using 1:3:(0):($4-$3) with vectors heads size screen 0.004,90 nofilled lw 1.2 lc rgb "#000000" notitle
  unset output
  reset
  set datafile separator "\t"
}
