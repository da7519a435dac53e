# CPU cost per I/O by data path (reconstruction)
# Made by 'bench figures'. Run in this folder: gnuplot cpu-cost.gp
set encoding utf8
set datafile separator "\t"
do for [format in "svg pdf png"] {
  if (format eq "svg") { set terminal svg size 720,520 dynamic enhanced font "DejaVu Sans,11" fontscale 1.3 background "#ffffff" }
  if (format eq "pdf") { set terminal pdfcairo size 10in,7.222222222222222in enhanced font "DejaVu Sans,11" background "#ffffff" }
  if (format eq "png") { set terminal pngcairo size 1440,1040 enhanced font "DejaVu Sans,11" fontscale 2 linewidth 2 pointscale 2 background "#ffffff" }
  set output 'cpu-cost.'.format
  set label 1 'CPU cost per I/O by data path (reconstruction)' at screen 0.5,0.965 center font ",13" noenhanced front
  set label 2 'Reconstruction: the scenario is ours, made after the paper''s abstract; no figure of the paper is repeated here.' at screen 0.015,0.1423 left font ",8.5" noenhanced
  set label 3 'Host: AMD EPYC, Linux 6.18.44-fc-v857, 1 NUMA node(s). KVM back end: pvm.' at screen 0.015,0.1173 left font ",8.5" noenhanced
  set label 4 'Stacks: the boot with the median CPU time per request; whiskers: smallest and largest boot. Threads that poll count as' at screen 0.015,0.0923 left font ",8.5" noenhanced
  set label 5 'busy. The unit is the boot: 3 repetitions of each.' at screen 0.015,0.0673 left font ",8.5" noenhanced
  set label 6 'Common to all: micro guest, randread, blocks of 4k, iodepth 1, 1 guest(s), 1 worker(s) each, 1 I/O thread(s), engine' at screen 0.015,0.0423 left font ",8.5" noenhanced
  set label 7 'libaio, page cache, working set 16m, revision 4b10d25c1535.' at screen 0.015,0.0173 left font ",8.5" noenhanced
  set tmargin at screen 0.9023
  set bmargin at screen 0.225
  set key at screen 0.5,0.945 center top horizontal maxcols 2 Left reverse noenhanced samplen 1.5 width 0 font ",10"
  set border 3 lc rgb "#333333"
  set grid y lt 1 lw 0.6 lc rgb "#cccccc"
  set tics nomirror noenhanced
  set style fill solid 1.0 border lc rgb "#333333"
  set lmargin at screen 0.105
  set rmargin at screen 0.97
  set xlabel '' noenhanced
  set ylabel 'CPU time per I/O, us' noenhanced
  unset logscale x
  unset logscale y
  set format y '%g'
  set yrange [0:65.59661319073084]
  set xrange [-0.6:4.6]
  set xtics noenhanced ('virtio-blk' 0, 'virtio-blk-poll' 1, 'virtio-blk-tuned' 2, 'vext' 3, 'vext-adaptive' 4)
  plot 'cpu-cost.dat' index 0 every ::0::0 using 1:2:($1-0.3):($1+0.3):2:3 with boxxyerror fs solid 1.0 lc rgb "#D55E00" notitle, \
    'cpu-cost.dat' index 0 every ::1::1 using 1:2:($1-0.3):($1+0.3):2:3 with boxxyerror fs solid 1.0 lc rgb "#E69F00" notitle, \
    'cpu-cost.dat' index 0 every ::2::2 using 1:2:($1-0.3):($1+0.3):2:3 with boxxyerror fs solid 1.0 lc rgb "#CC79A7" notitle, \
    'cpu-cost.dat' index 0 every ::3::3 using 1:2:($1-0.3):($1+0.3):2:3 with boxxyerror fs solid 1.0 lc rgb "#0072B2" notitle, \
    'cpu-cost.dat' index 0 every ::4::4 using 1:2:($1-0.3):($1+0.3):2:3 with boxxyerror fs solid 1.0 lc rgb "#56B4E9" notitle, \
    NaN with boxes lc rgb "#555555" title 'I/O threads (full colour)', \
    'cpu-cost.dat' index 1 every ::0::0 using 1:2:($1-0.3):($1+0.3):2:3 with boxxyerror fs solid 0.4 lc rgb "#D55E00" notitle, \
    'cpu-cost.dat' index 1 every ::1::1 using 1:2:($1-0.3):($1+0.3):2:3 with boxxyerror fs solid 0.4 lc rgb "#E69F00" notitle, \
    'cpu-cost.dat' index 1 every ::2::2 using 1:2:($1-0.3):($1+0.3):2:3 with boxxyerror fs solid 0.4 lc rgb "#CC79A7" notitle, \
    'cpu-cost.dat' index 1 every ::3::3 using 1:2:($1-0.3):($1+0.3):2:3 with boxxyerror fs solid 0.4 lc rgb "#0072B2" notitle, \
    'cpu-cost.dat' index 1 every ::4::4 using 1:2:($1-0.3):($1+0.3):2:3 with boxxyerror fs solid 0.4 lc rgb "#56B4E9" notitle, \
    NaN with boxes lc rgb "#bbbbbb" title 'vCPUs (light colour)', \
    'cpu-cost.dat' index 2 using 1:3:(0):($4-$3) with vectors heads size screen 0.004,90 nofilled lw 1.2 lc rgb "#000000" notitle, \
    'cpu-cost.dat' index 2 using 1:4:(sprintf("%.3g", $2)) with labels offset 0,0.7 font ",10" notitle
  unset output
  reset
  set datafile separator "\t"
}
