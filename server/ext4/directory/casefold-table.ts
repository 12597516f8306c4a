// Written by scripts/casefold-table.pl; numbers are in base 36, parts of an item are separated by dots.

/** Characters that become one other: first, how many, how far apart, distance to what they become. */
export const SINGLE =
  '51.1.1.lj 5i.1.1.w 5s.1.1.w 60.1.1.w 66.1.1.w 7k.1.1.1 86.1.1.1 8i.1.1.1 8v.2.2.1 96.1.1.1 9e.1.1.1 9y.1.1.1 an.1.1.-7g ap.1.1.5u aq.2.2.1 ' +
  'au.1.1.5q av.1.1.1 ax.2.1.5p az.1.1.1 b2.1.1.27 b3.1.1.5m b4.1.1.5n b5.1.1.1 b7.1.1.5p b8.1.1.5r ba.1.1.5v bb.1.1.5t bc.1.1.1 bg.1.1.5v ' +
  'bh.1.1.5x bj.1.1.5y bm.2.2.1 bq.1.1.62 br.1.1.1 bt.1.1.62 bw.1.1.1 by.1.1.62 c1.2.1.61 c3.2.2.1 c7.1.1.63 c8.1.1.1 cc.1.1.1 ck.1.1.2 ' +
  'cl.1.1.1 cn.1.1.2 co.1.1.1 cq.1.1.2 cr.1.1.1 dg.1.1.1 dt.1.1.2 du.1.1.1 dy.1.1.-2p dz.1.1.-1k f0.1.1.1 f4.1.1.-3m f6.2.2.1 fu.1.1.8bv ' +
  'fv.1.1.1 fx.1.1.-4j fy.1.1.8bs g1.1.1.1 g3.1.1.-5f g4.1.1.1x g5.1.1.1z g6.5.2.1 n4.2.1.-1s n7.1.1.-1c n9.1.1.38 og.2.2.1 ok.1.1.-57 om.1.1.1 ' +
  'ou.1.1.-n7 ov.1.1.38 p3.1.1.-k0 pd.h.1.w pv.7.1.w qq.1.1.1 r3.1.1.8 r4.1.1.-u r5.1.1.-p r9.1.1.-f ra.1.1.-m rc.c.2.1 s0.1.1.-1i s1.1.1.-1c ' +
  's4.1.1.-1o s5.1.1.-1s s7.1.1.1 s9.1.1.-7 sa.1.1.1 sd.3.1.-3m si.2.2.28 sl.2.1.28 so.4.1.28 sv.1.1.28 sw.9.1.w t6.m.1.w v4.b.2.1 vs.5.2.1 ' +
  'wa.r.2.1 xs.1.1.f xv.6.2.1 yc.1.1.1 yg.1.1.1 yo.1.1.1 yw.1.1.1 za.1.1.1 ze.r.2.1 10x.12.1.1c 3a8.12.1.5ls 3bb.1.1.5ls 3bh.1.1.5ls 3y0.6.1.-8 ' +
  '5mo.1.1.-4su 5mp.1.1.-4st 5mq.1.1.-4sk 5mr.2.1.-4si 5mt.1.1.-4sj 5mu.1.1.-4sc 5mv.1.1.-4ro 5mw.1.1.r7n 5n4.17.1.-2bk 5od.3.1.-2bk 64a.3.2.1 ' +
  '69q.1.1.-5j9 6b3.1.1.-68f 6bh.1.1.-66h 6bk.2.1.2 6jq.1.1.-5st 6ju.1.1.-6gv 6k2.1.1.s 6lc.g.1.g 6mb.1.1.1 6y1.2.1.2jj 792.q.1.q 8ow.1b.1.1c ' +
  '8rk.1.1.1 8rm.1.1.-8af 8rn.1.1.-2xy 8ro.1.1.-89z 8rr.3.2.1 8rx.1.1.-8bg 8ry.1.1.-8al 8rz.1.1.-8bj 8s0.1.1.-8bi 8s2.1.1.1 8s5.1.1.1 ' +
  '8se.2.1.-8cf 8sg.1e.2.1 8vf.2.2.1 8vm.1.1.1 wu8.n.2.1 ww0.e.2.1 x0i.7.2.1 x0y.v.2.1 x2x.2.2.1 x31.1.1.-r9g x32.5.2.1 x3f.1.1.1 x3h.1.1.-wmg ' +
  'x3k.2.2.1 x3q.a.2.1 x4a.1.1.-wn8 x4b.1.1.-wnj x4c.1.1.-wnf x4d.1.1.-wn5 x4e.1.1.-wn8 x4g.1.1.-wlu x4h.1.1.-wmi x4i.1.1.-wlx x4j.1.1.ps ' +
  'x4k.6.2.1 x4y.1.1.1 x50.1.1.-1c x51.1.1.-wn7 x52.1.1.-raw xv4.28.1.-tzk 1d6o.1.1.-lh4 1d6p.1.1.-sul 1d6q.1.1.-kzc 1d6r.1.1.-ldn ' +
  '1d6s.1.1.-rar 1d6t.1.1.-xqr 1d6u.1.1.-wm9 1d6v.1.1.-hnv 1d6w.1.1.-hnw 1d6x.1.1.-vjs 1d6y.1.1.-ke1 1d6z.1.1.-was 1d70.1.1.-vk4 1d71.1.1.-tuf ' +
  '1d72.1.1.-pt1 1d73.1.1.-o0a 1d74.1.1.-moh 1d75.1.1.-mdz 1d76.1.1.-m56 1d77.1.1.-kn8 1d78.1.1.-s9e 1d79.1.1.-rne 1d7a.1.1.-qwt 1d7b.1.1.-qbd ' +
  '1d7c.1.1.-n2z 1d7d.1.1.-khb 1d7e.1.1.-isp 1d7f.1.1.-xp5 1d7g.1.1.-wpz 1d7h.1.1.-s2h 1d7i.1.1.-qo3 1d7j.1.1.-mpe 1d7k.1.1.-hz6 1d7l.1.1.-us1 ' +
  '1d7m.1.1.-r3r 1d7n.1.1.-ms6 1d7o.1.1.-m2o 1d7p.1.1.-tp8 1d7q.1.1.-nke 1d7r.1.1.-mbs 1d7s.1.1.-uhq 1d7t.1.1.-suq 1d7u.1.1.-rls 1d7v.1.1.-qi7 ' +
  '1d7w.1.1.-km6 1d7x.1.1.-xif 1d7y.1.1.-x2v 1d7z.1.1.-wup 1d80.1.1.-tbg 1d81.1.1.-s4e 1d82.1.1.-qoy 1d83.1.1.-pqk 1d84.1.1.-nxv 1d85.1.1.-mr3 ' +
  '1d86.1.1.-moq 1d87.1.1.-l6w 1d88.1.1.-jd2 1d89.1.1.-iiy 1d8a.1.1.-i0w 1d8b.1.1.-pf3 1d8c.1.1.-p8d 1d8d.1.1.-of1 1d8e.1.1.-n79 1d8f.1.1.-k6z ' +
  '1d8g.1.1.-hxd 1d8h.1.1.-lt7 1d8i.1.1.-voj 1d8j.1.1.-ugv 1d8k.1.1.-oo4 1d8l.1.1.-nuv 1d8m.1.1.-qn8 1d8n.1.1.-pdp 1d8o.1.1.-lfq 1d8p.1.1.-jf6 ' +
  '1d8q.1.1.-voy 1d8r.1.1.-uzt 1d8s.1.1.-sah 1d8t.1.1.-rjn 1d8u.1.1.-rb3 1d8v.1.1.-oio 1d8w.1.1.-obd 1d8x.1.1.-jk6 1d8y.1.1.-ww0 1d8z.1.1.-nuw ' +
  '1d90.1.1.-x2w 1d91.1.1.-x3d 1d92.1.1.-p4q 1d93.1.1.-oex 1d94.1.1.-n6v 1d95.1.1.-jj8 1d96.1.1.-lp6 1d97.1.1.-tqk 1d98.1.1.-sbe 1d99.1.1.-lsv ' +
  '1d9a.1.1.-xt1 1d9b.1.1.-v3s 1d9c.1.1.-ua6 1d9d.1.1.-qfu 1d9e.1.1.-q2a 1d9f.1.1.-wuk 1d9g.1.1.-pd5 1d9h.1.1.-xie 1d9i.1.1.-ud9 1d9j.1.1.-xui ' +
  '1d9k.1.1.-rrw 1d9l.1.1.-t81 1d9m.1.1.-ojs 1d9n.1.1.-wq0 1d9o.1.1.-vta 1d9p.1.1.-prg 1d9q.1.1.-n51 1d9r.1.1.-lvp 1d9s.1.1.-rzq 1d9t.1.1.-kw1 ' +
  '1d9u.1.1.-ru2 1d9v.1.1.-tpx 1d9w.1.1.-nf3 1d9x.1.1.-tlh 1d9y.1.1.-q35 1d9z.1.1.-xqh 1da0.1.1.-x73 1da1.1.1.-x4g 1da2.1.1.-smx 1da3.1.1.-olw ' +
  '1da4.1.1.-nil 1da5.1.1.-luz 1da6.1.1.-khb 1da7.1.1.-wwa 1da8.1.1.-wn2 1da9.1.1.-vm6 1daa.1.1.-uja 1dab.1.1.-t6m 1dac.1.1.-r5y 1dad.1.1.-pcr ' +
  '1dae.1.1.-jq1 1daf.1.1.-isd 1dag.1.1.-hyp 1dah.1.1.-hx7 1dai.1.1.-wz3 1daj.1.1.-szp 1dak.1.1.-s2d 1dal.1.1.-kyz 1dam.1.1.-umy 1dan.1.1.-u0v ' +
  '1dao.1.1.-txs 1dap.1.1.-tfb 1daq.1.1.-rcf 1dar.1.1.-qx6 1das.1.1.-qa3 1dat.1.1.-p8r 1dau.1.1.-of6 1dav.1.1.-nxk 1daw.1.1.-l0y 1dax.1.1.-n1n ' +
  '1day.1.1.-ktz 1daz.1.1.-k7l 1db0.1.1.-x39 1db1.1.1.-wze 1db2.1.1.-wkh 1db3.1.1.-r13 1db4.1.1.-mam 1db5.1.1.-lx3 1db6.1.1.-ul5 1db7.1.1.-ucu ' +
  '1db8.1.1.-tnt 1db9.1.1.-s1j 1dba.1.1.-ors 1dbb.1.1.-qia 1dbc.1.1.-xqc 1dbd.1.1.-w4w 1dbe.1.1.-v5v 1dbf.1.1.-usx 1dbg.1.1.-uc0 1dbh.1.1.-qgr ' +
  '1dbi.1.1.-qbp 1dbj.1.1.-o45 1dbk.1.1.-nze 1dbl.1.1.-kfx 1dbm.1.1.-ji4 1dbn.1.1.-jfv 1dbo.1.1.-ja4 1dbp.1.1.-xm2 1dbq.1.1.-pag 1dbr.1.1.-kjn ' +
  '1dbs.1.1.-jk0 1dbt.1.1.-u6w 1dbu.1.1.-xtg 1dbv.1.1.-xcx 1dbw.1.1.-v66 1dbx.1.1.-v3y 1dby.1.1.-t9h 1dbz.1.1.-se5 1dc0.1.1.-quq 1dc1.1.1.-pz3 ' +
  '1dc2.1.1.-n2e 1dc3.1.1.-ksn 1dc4.1.1.-htj 1dc5.1.1.-t31 1dc6.1.1.-jo8 1dc7.1.1.-x1a 1dc8.1.1.-swd 1dc9.1.1.-st2 1dca.1.1.-rrd 1dcb.1.1.-rhr ' +
  '1dcc.1.1.-qf7 1dcd.1.1.-q5w 1dce.1.1.-pk3 1dcf.1.1.-on3 1dcg.1.1.-j8y 1dch.1.1.-x9g 1dci.1.1.-tyc 1dcj.1.1.-jmj 1dck.1.1.-xih 1dcl.1.1.-uyk ' +
  '1dcm.1.1.-rn0 1dcn.1.1.-l2l 1dco.1.1.-uh9 1dcp.1.1.-u51 1dcq.1.1.-ssj 1dcr.1.1.-qj8 1dcs.1.1.-jme 1dct.1.1.-x4k 1dcu.1.1.-wr3 1dcv.1.1.-v3u ' +
  '1dcw.1.1.-t71 1dcx.1.1.-syb 1dcy.1.1.-soq 1dcz.1.1.-rum 1dd0.1.1.-qfy 1dd1.1.1.-q2r 1dd2.1.1.-o6l 1dd3.1.1.-mc8 1dd4.1.1.-mbr 1dd5.1.1.-kkd ' +
  '1dd6.1.1.-jk8 1dd7.1.1.-wx8 1dd8.1.1.-rhu 1dd9.1.1.-wr4 1dda.1.1.-qvy 1ddb.1.1.-qc7 1ddc.1.1.-mwm 1ddd.1.1.-jm6 1dde.1.1.-ihn 1ddf.1.1.-i1g ' +
  '1ddg.1.1.-swt 1ddh.1.1.-roq 1ddi.1.1.-npq 1ddj.1.1.-p4c 1ddk.1.1.-p20 1ddl.1.1.-orr 1ddm.1.1.-qpm 1ddn.1.1.-r4y 1ddo.1.1.-lus 1ddp.1.1.-xtp ' +
  '1ddq.1.1.-ngo 1ddr.1.1.-x51 1dds.1.1.-x6h 1ddt.1.1.-uor 1ddu.1.1.-tv3 1ddv.1.1.-oq5 1ddw.1.1.-vb3 1ddx.1.1.-rtz 1ddy.1.1.-t3m 1ddz.1.1.-l3g ' +
  '1de0.1.1.-mgs 1de1.1.1.-jp8 1de2.1.1.-m7z 1de3.1.1.-uns 1de4.1.1.-xcc 1de5.1.1.-wgd 1de8.1.1.-vxy 1dea.1.1.-t5q 1ded.1.1.-x87 1dee.1.1.-qng ' +
  '1def.1.1.-pxp 1deg.1.1.-pgc 1deh.1.1.-pff 1dei.1.1.-pf9 1dej.1.1.-pe4 1dek.1.1.-jie 1del.1.1.-orj 1dem.1.1.-o69 1deo.1.1.-mxa 1deq.1.1.-lyi ' +
  '1det.1.1.-kx9 1deu.1.1.-krt 1dey.1.1.-j7f 1dez.1.1.-j73 1df0.1.1.-j5w 1df1.1.1.-i9l 1df2.1.1.-ksw 1df3.1.1.-jnc 1df4.1.1.-xoi 1df5.1.1.-xfu ' +
  '1df6.1.1.-xd1 1df7.1.1.-x2i 1df8.1.1.-x1s 1df9.1.1.-wys 1dfa.1.1.-wih 1dfb.1.1.-wfl 1dfc.1.1.-wcw 1dfd.1.1.-vzt 1dfe.1.1.-vwy 1dff.1.1.-v6f ' +
  '1dfg.1.1.-v66 1dfh.1.1.-ucp 1dfi.1.1.-u6u 1dfj.1.1.-u5t 1dfk.1.1.-u32 1dfl.1.1.-tf6 1dfm.1.1.-tb4 1dfn.1.1.-t6a 1dfo.1.1.-ssf 1dfp.1.1.-rta ' +
  '1dfq.1.1.-ros 1dfr.1.1.-rhh 1dfs.1.1.-r16 1dft.1.1.-qvy 1dfu.1.1.-qi0 1dfv.1.1.-pmi 1dfw.1.1.-phq 1dfx.1.1.-phg 1dfy.1.1.-phi 1dfz.1.1.-phb ' +
  '1dg0.1.1.-ph6 1dg1.1.1.-ph0 1dg2.2.1.-pfp 1dg4.1.1.-pas 1dg5.1.1.-p90 1dg6.1.1.-p06 1dg7.1.1.-okj 1dg8.1.1.-ojz 1dg9.1.1.-oig 1dga.1.1.-oa0 ' +
  '1dgb.1.1.-o5y 1dgc.1.1.-nsf 1dgd.1.1.-nok 1dge.1.1.-nol 1dgf.1.1.-nbc 1dgg.1.1.-mds 1dgh.1.1.-ma3 1dgi.1.1.-m01 1dgj.1.1.-lyi 1dgk.1.1.-ln5 ' +
  '1dgl.1.1.-llp 1dgm.1.1.-l2o 1dgn.1.1.-kz3 1dgo.1.1.-jnp 1dgp.1.1.-jfu 1dgq.1.1.-je7 1dgr.1.1.-ueu 1dgs.1.1.1sw2 1dgt.1.1.-nrp 1dgw.1.1.-y16 ' +
  '1dgx.1.1.-xbw 1dgy.1.1.-xe2 1dgz.1.1.-xrn 1dh0.1.1.-xf3 1dh1.1.1.-xdh 1dh2.1.1.-x4f 1dh3.1.1.-x31 1dh4.1.1.-wkb 1dh5.1.1.-wmc 1dh6.1.1.-wkh ' +
  '1dh7.1.1.-wih 1dh8.1.1.-w0y 1dh9.1.1.-vyi 1dha.1.1.-vui 1dhb.1.1.-vu3 1dhc.1.1.-vmm 1dhd.1.1.-vh5 1dhe.1.1.-ur4 1dhf.1.1.-uqy 1dhg.1.1.-umz ' +
  '1dhh.1.1.-ul4 1dhi.1.1.-ucu 1dhj.1.1.-u9l 1dhk.1.1.-ubk 1dhl.1.1.-u7v 1dhm.1.1.-u96 1dhn.1.1.-u55 1dho.1.1.-u3c 1dhp.1.1.-ts9 1dhq.1.1.-tpu ' +
  '1dhr.1.1.-tod 1dhs.1.1.-th6 1dht.1.1.-t99 1dhu.1.1.-t4r 1dhv.1.1.-t4o 1dhw.1.1.-t32 1dhx.1.1.-s9o 1dhy.1.1.-s7w 1dhz.1.1.-rx2 1di0.1.1.-rlp ' +
  '1di1.1.1.-rm6 1di2.1.1.-rjs 1di3.1.1.-rct 1di4.1.1.-r3i 1di5.1.1.-pva 1di6.1.1.-qy1 1di7.1.1.-quo 1di8.1.1.-qra 1di9.1.1.-qi8 1dia.1.1.-qe4 ' +
  '1dib.1.1.-qco 1dic.1.1.-q6f 1did.1.1.-q6e 1die.1.1.-q1o 1dif.1.1.-q18 1dig.1.1.-q0k 1dih.1.1.-py7 1dii.1.1.-pyi 1dij.1.1.-pnj 1dik.1.1.-pa3 ' +
  '1dil.1.1.-p2l 1dim.1.1.-oxf 1din.1.1.-or8 1dio.1.1.-on0 1dip.1.1.-odv 1diq.1.1.-o8d 1dir.1.1.-nkx 1dis.1.1.-ngl 1dit.1.1.-mrg 1diu.1.1.-met ' +
  '1div.1.1.-mcx 1diw.1.1.-mci 1dix.1.1.-m4a 1diy.1.1.-m2q 1diz.1.1.-m40 1dj0.1.1.-m2j 1dj1.1.1.-m2n 1dj2.1.1.-m35 1dj3.1.1.-m12 1dj4.1.1.-lyu ' +
  '1dj5.1.1.-lo9 1dj6.1.1.-l8q 1dj7.1.1.-l01 1dj8.1.1.-krv 1dj9.1.1.-klr 1dja.1.1.-jt6 1djb.1.1.-jqc 1djc.1.1.-jn6 1djd.1.1.-jji 1dje.1.1.-jij ' +
  '1djf.1.1.-ji8 1djg.1.1.-jgx 1djh.1.1.-iwr 1dji.1.1.-i0i 1djj.1.1.1njv 1djk.1.1.1njo 1djl.1.1.1ptw 1djm.1.1.-11rp 1djn.1.1.-10vv ' +
  '1djo.1.1.-10uz 1djp.1.1.1vuc 1djq.1.1.1xx6 1djr.1.1.24n0 1djs.1.1.-i39 1djt.1.1.-i17 1ee9.q.1.w 1fcw.14.1.14 1fhs.10.1.14 1h1c.1f.1.1s ' +
  '1jfk.w.1.w 20cg.w.1.w 2olc.y.1.y 464g.1.1.-3qo3 464h.1.1.-3qo9 464i.1.1.-3qo1 464j.1.1.-1crl 464k.1.1.-3qg4 464l.1.1.-3qdz 464m.1.1.-3qdn ' +
  '464n.1.1.-3qbp 464o.1.1.-3q8e 464p.1.1.-3q7k 464q.1.1.-3q5f 464r.1.1.-3q64 464s.1.1.-3vqm 464t.1.1.-1brn 464u.1.1.-3q2p 464v.1.1.-3q2j ' +
  '464w.1.1.-3q24 464x.1.1.-3q1m 464y.1.1.-1bzq 464z.1.1.-3vq2 4650.1.1.-3q25 4651.1.1.-3q14 4652.1.1.-1byj 4653.1.1.-3q0w 4654.1.1.-3q0k ' +
  '4655.1.1.-3qkt 4656.1.1.-3q0e 4657.1.1.-3q06 4658.1.1.-k71 4659.1.1.-3pyg 465a.1.1.-3py3 465b.1.1.-3vpc 465c.1.1.-3pwl 465d.1.1.-3pwb ' +
  '465e.1.1.-3pv4 465f.1.1.-3pv0 465g.1.1.-3vnz 465h.1.1.-3psu 465i.1.1.-3pst 465j.1.1.-3ps3 465k.1.1.-3pri 465l.2.1.-3pr8 465n.1.1.-3pqs ' +
  '465o.1.1.-3ppf 465p.1.1.-3pp8 465q.1.1.-3pp0 465r.1.1.-3poc 465s.1.1.-3po3 465t.1.1.-3po2 465u.1.1.-3po3 465v.1.1.-3po4 465w.1.1.-1b0o ' +
  '465x.1.1.-3jyd 465y.1.1.-3pm4 465z.1.1.-3plk 4660.1.1.-1as5 4661.1.1.-3pla 4662.1.1.-3pl5 4663.1.1.-3pkl 4664.1.1.-3pge 4665.1.1.-3pj9 ' +
  '4666.1.1.-3piu 4667.1.1.-3phz 4668.1.1.-3pge 4669.1.1.-3pe3 466a.1.1.-3pde 466b.1.1.-3pbk 466c.1.1.-3pb5 466d.1.1.-3pa9 466e.1.1.-3paa ' +
  '466f.1.1.-3p9q 466g.1.1.-3p99 466h.1.1.-3p92 466i.1.1.-3p8o 466j.1.1.-3oz9 466k.1.1.-3p6u 466l.1.1.-3oza 466m.1.1.-3p4t 466n.1.1.-3p3v ' +
  '466o.1.1.-3pzd 466p.1.1.-3omb 466q.1.1.-3ouc 466r.1.1.-3otb 466s.1.1.-3osn 466t.1.1.-3owa 466u.1.1.-3oro 466v.1.1.-3orq 466w.1.1.-3ooc ' +
  '466x.1.1.-18xh 466y.1.1.-3omg 466z.1.1.-3omc 4670.1.1.-3oly 4671.1.1.-3olf 4672.1.1.-3ol8 4673.1.1.-3ojh 4674.1.1.-18l4 4675.1.1.-18jb ' +
  '4676.1.1.-3ofq 4677.1.1.-3oeg 4678.1.1.-3oe5 4679.1.1.-3ogd 467a.1.1.-3ocg 467b.1.1.-3vcp 467c.1.1.-3vcc 467d.1.1.-3o81 467e.1.1.-3o6k ' +
  '467f.1.1.-3o6l 467g.1.1.-17z8 467h.1.1.-3o2y 467i.1.1.-3o2e 467j.1.1.-3o20 467k.1.1.-3o1p 467l.1.1.-17q1 467m.1.1.-3o1f 467n.1.1.-3o19 ' +
  '467o.1.1.-3ndt 467p.1.1.-3o0j 467q.1.1.-3v91 467r.1.1.-3nyv 467s.1.1.-3nyi 467t.1.1.-3nw9 467u.1.1.-3nxp 467v.1.1.-176f 467w.1.1.-3nsp ' +
  '467x.1.1.-176f 467y.1.1.-3nrk 467z.1.1.-3nro 4680.1.1.-3nr8 4681.2.1.-3nog 4683.1.1.-3v4k 4684.1.1.-3nnr 4685.1.1.-3nml 4686.1.1.-3nm1 ' +
  '4687.1.1.-3nku 4688.1.1.-3v3a 4689.1.1.-16h2 468a.1.1.-3v2m 468b.1.1.-3niz 468c.1.1.-3nix 468d.1.1.-3niv 468e.1.1.-3nic 468f.1.1.-gsd ' +
  '468g.1.1.-3ngy 468h.1.1.-165c 468i.1.1.-165d 468j.1.1.-3gk2 468k.1.1.-3ng2 468l.1.1.-3ng3 468m.1.1.-3v0v 468n.1.1.-1333 468o.1.1.-try ' +
  '468p.1.1.-3nef 468q.1.1.-3ne7 468r.1.1.-3v08 468s.1.1.-3ncy 468t.1.1.-3nbk 468u.1.1.-3nbb 468v.1.1.-3nae 468w.1.1.-3n6n 468x.1.1.-3uxz ' +
  '468y.1.1.-3uyu 468z.1.1.-3n67 4690.1.1.-15g0 4691.1.1.-3n4u 4692.1.1.-3n1a 4693.1.1.-3n17 4694.1.1.-3n16 4695.1.1.-3n19 4696.1.1.-3n00 ' +
  '4697.1.1.-3mzh 4698.1.1.-3myi 4699.1.1.-3myx 469a.1.1.-3myn 469b.1.1.-3mxd 469c.1.1.-3mwu 469d.1.1.-3mwr 469e.1.1.-3mw2 469f.1.1.-3mvs ' +
  '469g.1.1.-3mtz 469h.1.1.-3mro 469i.1.1.-3mqq 469j.1.1.-3mnb 469k.1.1.-14mk 469l.1.1.-3mnw 469m.1.1.-3mpq 469n.1.1.-3mmr 469o.1.1.-3mm1 ' +
  '469p.1.1.-3mjd 469q.1.1.-14gd 469r.1.1.-3mhp 469s.1.1.-3mkb 469t.1.1.-3ml4 469u.1.1.-3us4 469v.1.1.-3mfu 469w.1.1.-3mfa 469x.1.1.-3meg ' +
  '469y.1.1.-3mfj 469z.1.1.-3uqj 46a0.1.1.-3m9l 46a1.1.1.-3m8t 46a2.1.1.-13nk 46a3.1.1.-3m5k 46a4.1.1.-3lxw 46a5.1.1.-3m2s 46a6.1.1.-3ulx ' +
  '46a7.1.1.-3m0u 46a8.1.1.-3umg 46a9.1.1.-3unh 46aa.1.1.-3q68 46ab.1.1.-3q66 46ac.1.1.-3lxw 46ad.1.1.-3m0p 46ae.1.1.-3gvd 46af.1.1.-3svy ' +
  '46ag.1.1.-3lxd 46ah.1.1.-3lxa 46ai.1.1.-3lx5 46aj.1.1.-3lvh 46ak.1.1.-3lvt 46al.1.1.-12xm 46am.1.1.-3ul1 46an.1.1.-3lr9 46ao.1.1.-3luj ' +
  '46ap.1.1.-3lov 46aq.1.1.-3lnh 46ar.1.1.-12t2 46as.1.1.-3lna 46at.1.1.-3lqe 46au.1.1.-3ljm 46av.1.1.-3uiy 46aw.1.1.-3lie 46ax.1.1.-3lfq ' +
  '46ay.1.1.-3lds 46az.1.1.-3l8j 46b0.1.1.-12dl 46b1.1.1.-3l76 46b2.1.1.-3ufq 46b3.1.1.-3l5a 46b4.1.1.-11zd 46b5.1.1.-3l3x 46b6.1.1.-3uec ' +
  '46b7.1.1.-3l35 46b8.1.1.-3l1x 46b9.2.1.-3l17 46bb.1.1.-11m2 46bc.1.1.-17fx 46bd.1.1.-11j3 46be.1.1.-3kx8 46bf.1.1.-116n 46bg.1.1.-3ku5 ' +
  '46bh.1.1.-3kts 46bi.1.1.-3kwn 46bj.1.1.-3krt 46bk.1.1.-3kqq 46bl.1.1.-3kp6 46bm.1.1.-3kqp 46bn.1.1.-3kpm 46bo.1.1.-3kp8 46bp.1.1.-3kow ' +
  '46bq.1.1.-1148 46br.1.1.-3kr7 46bs.1.1.-3kk9 46bt.1.1.-3kij 46bu.1.1.-3u8n 46bv.1.1.-3kg0 46bw.1.1.-3kg5 46bx.1.1.-10sc 46by.1.1.-3klx ' +
  '46bz.1.1.-3kbl 46c0.1.1.-10oi 46c1.1.1.-10n7 46c2.1.1.-3k98 46c3.1.1.-3k62 46c4.1.1.-3k6u 46c5.1.1.-3k6y 46c6.1.1.-3u68 46c7.1.1.-3k5p ' +
  '46c8.1.1.-3k4b 46c9.1.1.-3k4i 46ca.1.1.-3k31 46cb.1.1.-1c6u 46cc.1.1.-3jyv 46cd.1.1.-103e 46ce.1.1.-3jwi 46cf.1.1.-zuc 46cg.1.1.-3jso ' +
  '46ch.1.1.-3jsc 46ci.1.1.-3jrm 46cj.1.1.-zdn 46ck.1.1.-3jqc 46cl.1.1.-3jps 46cm.1.1.-z5d 46cn.1.1.-yz7 46co.1.1.-3jji 46cp.1.1.-3jj2 ' +
  '46cq.1.1.-3tz2 46cr.1.1.-3jie 46cs.1.1.-3tys 46ct.1.1.-3tyt 46cu.1.1.-3jdz 46cv.1.1.-3jdf 46cw.1.1.-3jcv 46cx.1.1.-3jcc 46cy.1.1.-3jag ' +
  '46cz.1.1.-3tw8 46d0.1.1.-3j80 46d1.1.1.-y67 46d2.1.1.-3j7c 46d3.1.1.-y3p 46d4.1.1.-3j60 46d5.1.1.-16l6 46d6.1.1.-3j1m 46d7.1.1.-xi2 ' +
  '46d8.1.1.-xhg 46d9.1.1.-xdl 46da.1.1.-3tqa 46db.1.1.-3tpz 46dc.1.1.-3ivg 46dd.1.1.-x8u 46de.1.1.-x8w 46df.1.1.-x7u 46dg.1.1.-x75 ' +
  '46dh.2.1.-3iuf 46dj.1.1.-3iug 46dk.1.1.-3ita 46dl.1.1.-3tow 46dm.1.1.-3irj 46dn.1.1.-3tol 46do.1.1.-3tme 46dp.1.1.-wmo 46dq.1.1.-3im8 ' +
  '46dr.1.1.-3ikj 46ds.1.1.-3iis 46dt.1.1.-3tke 46du.1.1.-w8c 46dv.1.1.-3if1 46dw.1.1.-w56 46dx.1.1.-w40 46dy.1.1.-3idj 46dz.1.1.-3ib0 ' +
  '46e0.1.1.-3tih 46e1.1.1.-3i8p 46e2.1.1.-3i8g 46e3.1.1.-3i8c 46e4.1.1.-vkw 46e5.1.1.-vcm 46e6.1.1.-vcn 46e7.1.1.-3i41 46e8.1.1.-3tcu ' +
  '46e9.1.1.-v5i 46ea.1.1.-3hy4 46eb.1.1.-3hy2 46ec.1.1.-3tbx 46ed.1.1.-uzp 46ee.1.1.-3hqs 46ef.1.1.-3t8n 46eg.1.1.-3hq8 46eh.1.1.-3hqe ' +
  '46ei.1.1.-3hpm 46ej.1.1.-ued 46ek.1.1.-3hmx 46el.1.1.-3t64 46em.1.1.-3hk7 46en.1.1.-3hil 46eo.1.1.-3hgr 46ep.1.1.-3t4t 46eq.1.1.-tvu ' +
  '46er.1.1.-tv0 46es.1.1.-3t3v 46et.1.1.-tr0 46eu.1.1.-3h8c 46ev.1.1.-to9 46ew.1.1.-3h7n 46ex.1.1.-3h4v 46ey.1.1.-3h4l 46ez.1.1.-tcx ' +
  '46f0.1.1.-tax 46f1.1.1.-3h25 46f2.1.1.-t7a 46f3.1.1.-3h1r 46f4.1.1.-134x 46f5.1.1.-3t0s 46f6.1.1.-3h00 46f7.1.1.-3gxs 46f8.1.1.-3szd ' +
  '46f9.1.1.-3gw7 46fa.1.1.-3oi9 46fb.1.1.-stc 46fc.1.1.-ssz 46fd.1.1.-133q 46fe.1.1.-133i 46ff.1.1.-3gqy 46fg.1.1.-3gqw 46fh.1.1.-3e27 ' +
  '46fi.1.1.-3swz 46fj.1.1.-3gn2 46fk.1.1.-3gn9 46fl.1.1.-3gms 46fm.1.1.-3q3j 46fn.1.1.-3gma 46fo.1.1.-3gm9 46fp.1.1.-3gm0 46fq.1.1.-3gkw ' +
  '46fr.1.1.-s4b 46fs.1.1.-3gkz 46ft.1.1.-3gjg 46fu.1.1.-3ghj 46fv.1.1.-3gfi 46fw.1.1.-3gjd 46fx.1.1.-3gf4 46fy.1.1.-3gdz 46fz.1.1.-3gaw ' +
  '46g0.1.1.-3gi5 46g1.1.1.-3gev 46g2.1.1.-3geu 46g3.1.1.-3gef 46g4.1.1.-rxq 46g5.1.1.-rp6 46g6.1.1.-rtd 46g7.1.1.-3ssc 46g8.1.1.-3g6v ' +
  '46g9.1.1.-3g6u 46ga.1.1.-3g5w 46gb.1.1.-qg1 46gc.1.1.-3g3s 46gd.1.1.-rcx 46ge.1.1.-3sr5 46gf.1.1.-3sr2 46gg.1.1.-r9b 46gh.1.1.-r1b ' +
  '46gi.1.1.-3sqv 46gj.1.1.-3fxf 46gk.1.1.-3fx4 46gl.1.1.-3fwu 46gm.1.1.-3fwt 46gn.1.1.-3fv2 46go.1.1.-3fw0 46gp.1.1.-3fsb 46gq.1.1.-3ftk ' +
  '46gr.1.1.-3fpe 46gs.1.1.-3fro 46gt.1.1.-3fpu 46gu.1.1.-3fp4 46gv.1.1.-3so8 46gw.1.1.-3fmn 46gx.1.1.-3fls 46gy.1.1.-3snd 46gz.1.1.-3fj7 ' +
  '46h0.1.1.-3fj5 46h1.1.1.-py6 46h2.1.1.-3ffz 46h3.1.1.-3fft 46h4.1.1.-3slv 46h5.1.1.-3ff3 46h6.1.1.-3w27 46h7.1.1.-pi5 46h8.1.1.-pd2 ' +
  '46h9.1.1.-3si7 46ha.1.1.-3shz 46hb.1.1.-3f3j 46hc.1.1.-3f1f 46hd.1.1.-3ex3 46he.1.1.-3erh 46hf.1.1.-oq3 46hg.1.1.-3ep5 46hh.1.1.-3eok ' +
  '46hi.1.1.-3em3 46hj.1.1.-3ejk 46hk.1.1.-o89 46hl.1.1.-1brp 46hm.1.1.-3ehb 46hn.1.1.-3ehr 46ho.1.1.-3egc 46hp.1.1.-1blr 46hq.1.1.-3ea2 ' +
  '46hr.1.1.-3e7b 46hs.1.1.-mxa 46ht.1.1.-mwk 46hu.1.1.-3dxq 46hv.1.1.-3dv6 46hw.1.1.-3dub 46hx.1.1.-mnr 46hy.1.1.-3du3 46hz.1.1.-3dm7 ' +
  '46i0.2.1.-3dht 46i2.1.1.-3dke 46i3.1.1.-3d9u 46i4.1.1.-3d93 46i5.1.1.-lpv 46i6.1.1.-3cyr 46i7.1.1.-3ryy 46i8.1.1.-3cxl 46i9.1.1.-lfe ' +
  '46ia.1.1.-3rws 46ib.1.1.-3cq8 46ic.1.1.-3o02 46id.1.1.-3cnm 46ie.1.1.-koh 46if.1.1.-kil 46ig.1.1.-3rt6 46ih.1.1.-3rsz 46ii.1.1.-3cii ' +
  '46ij.1.1.-k4x 46ik.1.1.-3rre 46il.1.1.-k13 46im.1.1.-3chf 46in.1.1.-3chg 46io.1.1.-3cgn 46ip.1.1.-jt7 46iq.1.1.-3cbk 46ir.1.1.-3ro0 ' +
  '46is.1.1.-3c9n 46it.1.1.-3c66 46iu.1.1.-3c5g 46iv.1.1.-3c3t 46iw.1.1.-3rju 46ix.1.1.-iqh 46iy.1.1.-3bw8 46iz.1.1.-3bnv 46j0.1.1.-3bin ' +
  '46j1.1.1.-3rcv 46j2.1.1.-3rc1 46j3.1.1.-3bfs 46j4.1.1.-hmq 46j5.1.1.-3rbt 46j6.1.1.-hl9 46j7.1.1.-hdx 46j8.1.1.-hab 46j9.1.1.-3b6i ' +
  '46ja.1.1.-3r9c 46jb.1.1.-3b4u 46jc.1.1.-3b4q 46jd.1.1.-3b4k 46je.1.1.-3b4b 46jf.1.1.-3b45 46jg.1.1.-3b35 46jh.1.1.-gm5';

/** Characters that become several: the character, then what it becomes. */
export const MULTIPLE =
  '5c.2p.lc 5d.2p.ld 5e.2p.le 5f.2p.lf 5g.2p.lk 5h.2p.lm 5j.2r.mf 5k.2t.lc 5l.2t.ld 5m.2t.le 5n.2t.lk 5o.2x.lc 5p.2x.ld 5q.2x.le 5r.2x.lk ' +
  '5t.32.lf 5u.33.lc 5v.33.ld 5w.33.le 5x.33.lf 5y.33.lk 61.39.lc 62.39.ld 63.39.le 64.39.lk 65.3d.ld 67.37.37 68.2p.lc 69.2p.ld 6a.2p.le ' +
  '6b.2p.lf 6c.2p.lk 6d.2p.lm 6f.2r.mf 6g.2t.lc 6h.2t.ld 6i.2t.le 6j.2t.lk 6k.2x.lc 6l.2x.ld 6m.2x.le 6n.2x.lk 6p.32.lf 6q.33.lc 6r.33.ld ' +
  '6s.33.le 6t.33.lf 6u.33.lk 6x.39.lc 6y.39.ld 6z.39.le 70.39.lk 71.3d.ld 73.3d.lk 74.2p.lg 75.2p.lg 76.2p.li 77.2p.li 78.2p.mg 79.2p.mg ' +
  '7a.2r.ld 7b.2r.ld 7c.2r.le 7d.2r.le 7e.2r.lj 7f.2r.lj 7g.2r.lo 7h.2r.lo 7i.2s.lo 7j.2s.lo 7m.2t.lg 7n.2t.lg 7o.2t.li 7p.2t.li 7q.2t.lj ' +
  '7r.2t.lj 7s.2t.mg 7t.2t.mg 7u.2t.lo 7v.2t.lo 7w.2v.le 7x.2v.le 7y.2v.li 7z.2v.li 80.2v.lj 81.2v.lj 82.2v.mf 83.2v.mf 84.2w.le 85.2w.le ' +
  '88.2x.lf 89.2x.lf 8a.2x.lg 8b.2x.lg 8c.2x.li 8d.2x.li 8e.2x.mg 8f.2x.mg 8g.2x.lj 8k.2y.le 8l.2y.le 8m.2z.mf 8n.2z.mf 8p.30.ld 8q.30.ld ' +
  '8r.30.mf 8s.30.mf 8t.30.lo 8u.30.lo 8z.32.ld 90.32.ld 91.32.mf 92.32.mf 93.32.lo 94.32.lo 95.jg.32 98.33.lg 99.33.lg 9a.33.li 9b.33.li ' +
  '9c.33.ln 9d.33.ln 9g.36.ld 9h.36.ld 9i.36.mf 9j.36.mf 9k.36.lo 9l.36.lo 9m.37.ld 9n.37.ld 9o.37.le 9p.37.le 9q.37.mf 9r.37.mf 9s.37.lo ' +
  '9t.37.lo 9u.38.mf 9v.38.mf 9w.38.lo 9x.38.lo a0.39.lf a1.39.lf a2.39.lg a3.39.lg a4.39.li a5.39.li a6.39.lm a7.39.lm a8.39.ln a9.39.ln ' +
  'aa.39.mg ab.39.mg ac.3b.le ad.3b.le ae.3d.le af.3d.le ag.3d.lk ah.3e.ld ai.3e.ld aj.3e.lj ak.3e.lj al.3e.lo am.3e.lo bk.33.m3 bl.33.m3 ' +
  'bz.39.m3 c0.39.m3 ct.2p.lo cu.2p.lo cv.2x.lo cw.2x.lo cx.33.lo cy.33.lo cz.39.lo d0.39.lo d1.39.lk.lg d2.39.lk.lg d3.39.lk.ld d4.39.lk.ld ' +
  'd5.39.lk.lo d6.39.lk.lo d7.39.lk.lc d8.39.lk.lc da.2p.lk.lg db.2p.lk.lg dc.2p.lj.lg dd.2p.lj.lg de.6e.lg df.6e.lg di.2v.lo dj.2v.lo dk.2z.lo ' +
  'dl.2z.lo dm.33.mg dn.33.mg do.33.mg.lg dp.33.mg.lg dq.ia.lo dr.ia.lo ds.2y.lo dw.2v.ld dx.2v.ld e0.32.lc e1.32.lc e2.2p.lm.ld e3.2p.lm.ld ' +
  'e4.6e.ld e5.6e.ld e6.6w.ld e7.6w.ld e8.2p.lr e9.2p.lr ea.2p.lt eb.2p.lt ec.2t.lr ed.2t.lr ee.2t.lt ef.2t.lt eg.2x.lr eh.2x.lr ei.2x.lt ' +
  'ej.2x.lt ek.33.lr el.33.lr em.33.lt en.33.lt eo.36.lr ep.36.lr eq.36.lt er.36.lt es.39.lr et.39.lr eu.39.lt ev.39.lt ew.37.me ex.37.me ' +
  'ey.38.me ez.38.me f2.2w.lo f3.2w.lo fa.2p.lj fb.2p.lj fc.2t.mf fd.2t.mf fe.33.lk.lg ff.33.lk.lg fg.33.lf.lg fh.33.lf.lg fi.33.lj fj.33.lj ' +
  'fk.33.lj.lg fl.33.lj.lg fm.3d.lg fn.3d.lg n8.lk.ld p1.4o.ld p2.q9.ld p4.qd.ld p5.qf.ld p6.qh.ld p8.qn.ld pa.qt.ld pb.qx.ld pc.qh.lk.ld ' +
  'q2.qh.lk q3.qt.lk q4.q9.ld q5.qd.ld q6.qf.ld q7.qh.ld q8.qt.lk.ld qy.qh.lk qz.qt.lk r0.qn.ld r1.qt.ld r2.qx.ld r7.r6.ld r8.r6.lk sg.tx.lc ' +
  'sh.tx.lk sj.tv.ld sn.uu.lk ss.u2.ld st.u0.lc su.ub.li t5.u0.li u1.u0.li uo.tx.lc up.tx.lk ur.tv.ld uv.uu.lk v0.u2.ld v1.u0.lc v2.ub.li ' +
  'vq.vp.lr vr.vp.lr xt.ty.li xu.ty.li y8.ts.li y9.ts.li ya.ts.lk yb.ts.lk ye.tx.li yf.tx.li yi.yh.lk yj.yh.lk yk.ty.lk yl.ty.lk ym.tz.lk ' +
  'yn.tz.lk yq.u0.lg yr.u0.lg ys.u0.lk yt.u0.lk yu.u6.lk yv.u6.lk yy.yx.lk yz.yx.lk z0.ul.lk z1.ul.lk z2.ub.lg z3.ub.lg z4.ub.lk z5.ub.lk ' +
  'z6.ub.ln z7.ub.ln z8.uf.lk z9.uf.lk zc.uj.lk zd.uj.lk 13b.12d.136 17m.17r.18z 17n.17r.190 17o.18o.190 17p.17r.191 17q.18q.190 1c0.1cl.190 ' +
  '1c2.1c1.190 1cj.1ci.190 1t5.1t4.1to 1td.1tc.1to 1tg.1tf.1to 1ug.1sl.1to 1uh.1sm.1to 1ui.1sn.1to 1uj.1ss.1to 1uk.1sx.1to 1ul.1sy.1to ' +
  '1um.1t7.1to 1un.1tb.1to 1xn.1xj.1xa 1xo.1xj.1xz 1y4.1wh.1x8 1y5.1wi.1x8 1y7.1wv.1x8 20j.20i.20s 20m.20o.20s 21l.1zq.20s 21m.1zr.20s ' +
  '21n.1zw.20s 21q.20b.20s 288.287.28m 28b.287.27y 28c.287.28n 28s.275.27w 28t.276.27w 2ac.2aa.2c7 2bu.2bq.2bi 2bv.2br.2bi 2bw.2bq.2c7 ' +
  '2fc.2fa.2fq 2io.2in.2j9 2iv.2iu.2j9 2iw.2iu.2ja 2iy.2iu.2iq 2iz.2iu.2iq.2j9 2mi.2me.2m6 2mj.2mf.2m6 2mk.2me.2mv 2qi.2qh.2q2 2qk.2qh.2q7 ' +
  '2ql.2qh.2q7.2q2 2qm.2qh.2qn 30j.30i.33r 30t.30s.33r 30y.30x.33r 313.312.33r 318.317.33r 31l.30g.33p 31v.31t.31u 31x.31t.31w 31y.33m.328 ' +
  '320.33n.328 329.31t.328 32r.32q.33r 331.330.33r 336.335.33r 33b.33a.33r 33g.33f.33r 33t.32o.33p 36u.36t.372 5c6.5c5.5dh 5c8.5c7.5dh ' +
  '5ca.5c9.5dh 5cc.5cb.5dh 5ce.5cd.5dh 5ci.5ch.5dh 5dn.5dm.5dh 5dp.5do.5dh 5ds.5dq.5dh 5dt.5dr.5dh 5dv.5du.5dh 5xc.2p.md 5xd.2p.md 5xe.2q.lj ' +
  '5xf.2q.lj 5xg.2q.mb 5xh.2q.mb 5xi.2q.mp 5xj.2q.mp 5xk.2r.mf.ld 5xl.2r.mf.ld 5xm.2s.lj 5xn.2s.lj 5xo.2s.mb 5xp.2s.mb 5xq.2s.mp 5xr.2s.mp ' +
  '5xs.2s.mf 5xt.2s.mf 5xu.2s.ml 5xv.2s.ml 5xw.2t.lg.lc 5xx.2t.lg.lc 5xy.2t.lg.ld 5xz.2t.lg.ld 5y0.2t.ml 5y1.2t.ml 5y2.2t.mo 5y3.2t.mo ' +
  '5y4.2t.mf.li 5y5.2t.mf.li 5y6.2u.lj 5y7.2u.lj 5y8.2v.lg 5y9.2v.lg 5ya.2w.lj 5yb.2w.lj 5yc.2w.mb 5yd.2w.mb 5ye.2w.lk 5yf.2w.lk 5yg.2w.mf ' +
  '5yh.2w.mf 5yi.2w.mm 5yj.2w.mm 5yk.2x.mo 5yl.2x.mo 5ym.2x.lk.ld 5yn.2x.lk.ld 5yo.2z.ld 5yp.2z.ld 5yq.2z.mb 5yr.2z.mb 5ys.2z.mp 5yt.2z.mp ' +
  '5yu.30.mb 5yv.30.mb 5yw.30.mb.lg 5yx.30.mb.lg 5yy.30.mp 5yz.30.mp 5z0.30.ml 5z1.30.ml 5z2.31.ld 5z3.31.ld 5z4.31.lj 5z5.31.lj 5z6.31.mb ' +
  '5z7.31.mb 5z8.32.lj 5z9.32.lj 5za.32.mb 5zb.32.mb 5zc.32.mp 5zd.32.mp 5ze.32.ml 5zf.32.ml 5zg.33.lf.ld 5zh.33.lf.ld 5zi.33.lf.lk ' +
  '5zj.33.lf.lk 5zk.33.lg.lc 5zl.33.lg.lc 5zm.33.lg.ld 5zn.33.lg.ld 5zo.34.ld 5zp.34.ld 5zq.34.lj 5zr.34.lj 5zs.36.lj 5zt.36.lj 5zu.36.mb ' +
  '5zv.36.mb 5zw.36.mb.lg 5zx.36.mb.lg 5zy.36.mp 5zz.36.mp 600.37.lj 601.37.lj 602.37.mb 603.37.mb 604.37.ld.lj 605.37.ld.lj 606.37.lo.lj ' +
  '607.37.lo.lj 608.37.mb.lj 609.37.mb.lj 60a.38.lj 60b.38.lj 60c.38.mb 60d.38.mb 60e.38.mp 60f.38.mp 60g.38.ml 60h.38.ml 60i.39.mc 60j.39.mc ' +
  '60k.39.mo 60l.39.mo 60m.39.ml 60n.39.ml 60o.39.lf.ld 60p.39.lf.ld 60q.39.lg.lk 60r.39.lg.lk 60s.3a.lf 60t.3a.lf 60u.3a.mb 60v.3a.mb ' +
  '60w.3b.lc 60x.3b.lc 60y.3b.ld 60z.3b.ld 610.3b.lk 611.3b.lk 612.3b.lj 613.3b.lj 614.3b.mb 615.3b.mb 616.3c.lj 617.3c.lj 618.3c.lk 619.3c.lk ' +
  '61a.3d.lj 61b.3d.lj 61c.3e.le 61d.3e.le 61e.3e.mb 61f.3e.mb 61g.3e.mp 61h.3e.mp 61i.2w.mp 61j.38.lk 61k.3b.lm 61l.3d.lm 61m.2p.ji 61n.37.lj ' +
  '61q.37.37 61s.2p.mb 61t.2p.mb 61u.2p.ll 61v.2p.ll 61w.2p.le.ld 61x.2p.le.ld 61y.2p.le.lc 61z.2p.le.lc 620.2p.le.ll 621.2p.le.ll 622.2p.le.lf ' +
  '623.2p.le.lf 624.2p.mb.le 625.2p.mb.le 626.2p.li.ld 627.2p.li.ld 628.2p.li.lc 629.2p.li.lc 62a.2p.li.ll 62b.2p.li.ll 62c.2p.li.lf ' +
  '62d.2p.li.lf 62e.2p.mb.li 62f.2p.mb.li 62g.2t.mb 62h.2t.mb 62i.2t.ll 62j.2t.ll 62k.2t.lf 62l.2t.lf 62m.2t.le.ld 62n.2t.le.ld 62o.2t.le.lc ' +
  '62p.2t.le.lc 62q.2t.le.ll 62r.2t.le.ll 62s.2t.le.lf 62t.2t.le.lf 62u.2t.mb.le 62v.2t.mb.le 62w.2x.ll 62x.2x.ll 62y.2x.mb 62z.2x.mb 630.33.mb ' +
  '631.33.mb 632.33.ll 633.33.ll 634.33.le.ld 635.33.le.ld 636.33.le.lc 637.33.le.lc 638.33.le.ll 639.33.le.ll 63a.33.le.lf 63b.33.le.lf ' +
  '63c.33.mb.le 63d.33.mb.le 63e.33.m3.ld 63f.33.m3.ld 63g.33.m3.lc 63h.33.m3.lc 63i.33.m3.ll 63j.33.m3.ll 63k.33.m3.lf 63l.33.m3.lf ' +
  '63m.33.m3.mb 63n.33.m3.mb 63o.39.mb 63p.39.mb 63q.39.ll 63r.39.ll 63s.39.m3.ld 63t.39.m3.ld 63u.39.m3.lc 63v.39.m3.lc 63w.39.m3.ll ' +
  '63x.39.m3.ll 63y.39.m3.lf 63z.39.m3.lf 640.39.m3.mb 641.39.m3.mb 642.3d.lc 643.3d.lc 644.3d.mb 645.3d.mb 646.3d.ll 647.3d.ll 648.3d.lf ' +
  '649.3d.lf 64g.q9.lv 64h.q9.lw 64i.q9.lv.lc 64j.q9.lw.lc 64k.q9.lv.ld 64l.q9.lw.ld 64m.q9.lv.n6 64n.q9.lw.n6 64o.q9.lv 64p.q9.lw 64q.q9.lv.lc ' +
  '64r.q9.lw.lc 64s.q9.lv.ld 64t.q9.lw.ld 64u.q9.lv.n6 64v.q9.lw.n6 64w.qd.lv 64x.qd.lw 64y.qd.lv.lc 64z.qd.lw.lc 650.qd.lv.ld 651.qd.lw.ld ' +
  '654.qd.lv 655.qd.lw 656.qd.lv.lc 657.qd.lw.lc 658.qd.lv.ld 659.qd.lw.ld 65c.qf.lv 65d.qf.lw 65e.qf.lv.lc 65f.qf.lw.lc 65g.qf.lv.ld ' +
  '65h.qf.lw.ld 65i.qf.lv.n6 65j.qf.lw.n6 65k.qf.lv 65l.qf.lw 65m.qf.lv.lc 65n.qf.lw.lc 65o.qf.lv.ld 65p.qf.lw.ld 65q.qf.lv.n6 65r.qf.lw.n6 ' +
  '65s.qh.lv 65t.qh.lw 65u.qh.lv.lc 65v.qh.lw.lc 65w.qh.lv.ld 65x.qh.lw.ld 65y.qh.lv.n6 65z.qh.lw.n6 660.qh.lv 661.qh.lw 662.qh.lv.lc ' +
  '663.qh.lw.lc 664.qh.lv.ld 665.qh.lw.ld 666.qh.lv.n6 667.qh.lw.n6 668.qn.lv 669.qn.lw 66a.qn.lv.lc 66b.qn.lw.lc 66c.qn.lv.ld 66d.qn.lw.ld ' +
  '66g.qn.lv 66h.qn.lw 66i.qn.lv.lc 66j.qn.lw.lc 66k.qn.lv.ld 66l.qn.lw.ld 66o.qt.lv 66p.qt.lw 66q.qt.lv.lc 66r.qt.lw.lc 66s.qt.lv.ld ' +
  '66t.qt.lw.ld 66u.qt.lv.n6 66v.qt.lw.n6 66x.qt.lw 66z.qt.lw.lc 671.qt.lw.ld 673.qt.lw.n6 674.qx.lv 675.qx.lw 676.qx.lv.lc 677.qx.lw.lc ' +
  '678.qx.lv.ld 679.qx.lw.ld 67a.qx.lv.n6 67b.qx.lw.n6 67c.qx.lv 67d.qx.lw 67e.qx.lv.lc 67f.qx.lw.lc 67g.qx.lv.ld 67h.qx.lw.ld 67i.qx.lv.n6 ' +
  '67j.qx.lw.n6 67k.q9.lc 67l.q9.ld 67m.qd.lc 67n.qd.ld 67o.qf.lc 67p.qf.ld 67q.qh.lc 67r.qh.ld 67s.qn.lc 67t.qn.ld 67u.qt.lc 67v.qt.ld ' +
  '67w.qx.lc 67x.qx.ld 680.q9.lv.qh 681.q9.lw.qh 682.q9.lv.lc.qh 683.q9.lw.lc.qh 684.q9.lv.ld.qh 685.q9.lw.ld.qh 686.q9.lv.n6.qh ' +
  '687.q9.lw.n6.qh 688.q9.lv.qh 689.q9.lw.qh 68a.q9.lv.lc.qh 68b.q9.lw.lc.qh 68c.q9.lv.ld.qh 68d.q9.lw.ld.qh 68e.q9.lv.n6.qh 68f.q9.lw.n6.qh ' +
  '68g.qf.lv.qh 68h.qf.lw.qh 68i.qf.lv.lc.qh 68j.qf.lw.lc.qh 68k.qf.lv.ld.qh 68l.qf.lw.ld.qh 68m.qf.lv.n6.qh 68n.qf.lw.n6.qh 68o.qf.lv.qh ' +
  '68p.qf.lw.qh 68q.qf.lv.lc.qh 68r.qf.lw.lc.qh 68s.qf.lv.ld.qh 68t.qf.lw.ld.qh 68u.qf.lv.n6.qh 68v.qf.lw.n6.qh 68w.qx.lv.qh 68x.qx.lw.qh ' +
  '68y.qx.lv.lc.qh 68z.qx.lw.lc.qh 690.qx.lv.ld.qh 691.qx.lw.ld.qh 692.qx.lv.n6.qh 693.qx.lw.n6.qh 694.qx.lv.qh 695.qx.lw.qh 696.qx.lv.lc.qh ' +
  '697.qx.lw.lc.qh 698.qx.lv.ld.qh 699.qx.lw.ld.qh 69a.qx.lv.n6.qh 69b.qx.lw.n6.qh 69c.q9.li 69d.q9.lg 69e.q9.lc.qh 69f.q9.qh 69g.q9.ld.qh ' +
  '69i.q9.n6 69j.q9.n6.qh 69k.q9.li 69l.q9.lg 69m.q9.lc 69n.q9.ld 69o.q9.qh 69t.4o.n6 69u.qf.lc.qh 69v.qf.qh 69w.qf.ld.qh 69y.qf.n6 ' +
  '69z.qf.n6.qh 6a0.qd.lc 6a1.qd.ld 6a2.qf.lc 6a3.qf.ld 6a4.qf.qh 6a5.69r.lc 6a6.69r.ld 6a7.69r.n6 6a8.qh.li 6a9.qh.lg 6aa.qh.lk.lc ' +
  '6ab.qh.lk.ld 6ae.qh.n6 6af.qh.lk.n6 6ag.qh.li 6ah.qh.lg 6ai.qh.lc 6aj.qh.ld 6al.6bi.lc 6am.6bi.ld 6an.6bi.n6 6ao.qt.li 6ap.qt.lg ' +
  '6aq.qt.lk.lc 6ar.qt.lk.ld 6as.qp.lv 6at.qp.lw 6au.qt.n6 6av.qt.lk.n6 6aw.qt.li 6ax.qt.lg 6ay.qt.lc 6az.qt.ld 6b0.qp.lw 6b1.4o.lc 6b2.4o.ld ' +
  '6b6.qx.lc.qh 6b7.qx.qh 6b8.qx.ld.qh 6ba.qx.n6 6bb.qx.n6.qh 6bc.qn.lc 6bd.qn.ld 6be.qx.lc 6bf.qx.ld 6bg.qx.qh 6jv.2p.lm 6my.6mo.mw 6mz.6mq.mw ' +
  '6ni.6ms.mw 6od.6og.mw 6oe.6ok.mw 6of.6oi.mw 6pw.6pv.mw 6q1.6q0.mw 6q4.6q3.mw 6qs.6qr.mw 6qu.6qt.mw 6rl.6rg.mw 6ro.6rn.mw 6rr.6rp.mw ' +
  '6rt.6rs.mw 6sg.1p.mw 6si.6sh.mw 6st.6rx.mw 6su.1o.mw 6sv.1q.mw 6sw.6sk.mw 6sx.6sl.mw 6t0.6sy.mw 6t1.6sz.mw 6t4.6t2.mw 6t5.6t3.mw 6tc.6t6.mw ' +
  '6td.6t7.mw 6tg.6te.mw 6th.6tf.mw 6tk.6ti.mw 6tl.6tj.mw 6uk.6ua.mw 6ul.6ug.mw 6um.6uh.mw 6un.6uj.mw 6w0.6t8.mw 6w1.6t9.mw 6w2.6tt.mw ' +
  '6w3.6tu.mw 6wa.6uq.mw 6wb.6ur.mw 6wc.6us.mw 6wd.6ut.mw 8gs.8gt.mw 9jg.9jf.9ll 9ji.9jh.9ll 9jk.9jj.9ll 9jm.9jl.9ll 9jo.9jn.9ll 9jq.9jp.9ll ' +
  '9js.9jr.9ll 9ju.9jt.9ll 9jw.9jv.9ll 9jy.9jx.9ll 9k0.9jz.9ll 9k2.9k1.9ll 9k5.9k4.9ll 9k7.9k6.9ll 9k9.9k8.9ll 9kg.9kf.9ll 9kh.9kf.9lm ' +
  '9kj.9ki.9ll 9kk.9ki.9lm 9km.9kl.9ll 9kn.9kl.9lm 9kp.9ko.9ll 9kq.9ko.9lm 9ks.9kr.9ll 9kt.9kr.9lm 9lg.9ja.9ll 9lq.9lp.9ll 9m4.9m3.9ll ' +
  '9m6.9m5.9ll 9m8.9m7.9ll 9ma.9m9.9ll 9mc.9mb.9ll 9me.9md.9ll 9mg.9mf.9ll 9mi.9mh.9ll 9mk.9mj.9ll 9mm.9ml.9ll 9mo.9mn.9ll 9mq.9mp.9ll ' +
  '9mt.9ms.9ll 9mv.9mu.9ll 9mx.9mw.9ll 9n4.9n3.9ll 9n5.9n3.9lm 9n7.9n6.9ll 9n8.9n6.9lm 9na.9n9.9ll 9nb.9n9.9lm 9nd.9nc.9ll 9ne.9nc.9lm ' +
  '9ng.9nf.9ll 9nh.9nf.9lm 9o4.9ly.9ll 9o7.9nz.9ll 9o8.9o0.9ll 9o9.9o1.9ll 9oa.9o2.9ll 9oe.9od.9ll 1dkw.2u.2u 1dkx.2u.2x 1dky.2u.30 ' +
  '1dkz.2u.2u.2x 1dl0.2u.2u.30 1dl1.37.38 1dl2.37.38 1dlf.12s.12u 1dlg.12s.12d 1dlh.12s.12j 1dli.132.12u 1dlj.12s.12l 1dlp.15l.14k 1dlr.16a.14n ' +
  '1dm2.161.14x 1dm3.161.14y 1dm4.161.14s.14x 1dm5.161.14s.14y 1dm6.15c.14n 1dm7.15c.14o 1dm8.15c.14s 1dm9.15d.14s 1dma.15e.14s 1dmb.15f.14s ' +
  '1dmc.15g.14s 1dmd.15h.14s 1dme.15i.14s 1dmg.15k.14s 1dmh.15l.14s 1dmi.15m.14s 1dmj.15n.14s 1dmk.15o.14s 1dmm.15q.14s 1dmo.15s.14s ' +
  '1dmp.15t.14s 1dmr.15v.14s 1dms.15w.14s 1dmu.15y.14s 1dmv.15z.14s 1dmw.160.14s 1dmx.161.14s 1dmy.162.14s 1dmz.15h.14p 1dn0.15d.14v ' +
  '1dn1.15n.14v 1dn2.15w.14v 1hui.1huh.1hve 1huk.1huj.1hve 1huz.1hut.1hve 1hym.1hyp.1hyf 1hyn.1hyq.1hyf 1idn.1idj.1ida 1ido.1idj.1idz ' +
  '1inv.1int.1inu 1inw.1int.1ink 1iny.1int.1inx 1iuy.1iuw.1iun 1iuz.1iux.1iun 2jxa.2jx3.2jxh 2jxb.2jx4.2jxh 2jxc.2jx4.2jxh.2jxq ' +
  '2jxd.2jx4.2jxh.2jxr 2jxe.2jx4.2jxh.2jxs 2jxf.2jx4.2jxh.2jxt 2jxg.2jx4.2jxh.2jxu 2jzv.2jzt.2jxh 2jzw.2jzu.2jxh 2jzx.2jzt.2jxh.2jxq ' +
  '2jzy.2jzu.2jxh.2jxq 2jzz.2jzt.2jxh.2jxr 2k00.2jzu.2jxh.2jxr';

/** Characters that are left out: first, how many. */
export const IGNORED =
  '4t.1 nj.1 17g.1 3fj.2 4ok.2 4qz.4 6bv.5 6cq.5 6e8.g 9r8.1 1e68.g 1edb.1 1ehs.1 1ek0.9 2fts.4 2jxv.8 jny8.35s';

/** Canonical combining classes that are not 0: first, how many, class. */
export const COMBINING_CLASSES =
  'lc.l.6e lx.1.6g ly.4.64 m2.1.6g m3.1.60 m4.5.64 m9.2.5m mb.4.64 mf.2.5m mh.b.64 ms.5.1 mx.4.64 n1.8.6e n9.1.6o na.1.6e nb.3.64 ne.3.6e ' +
  'nh.2.64 nk.3.6e nn.4.64 nr.1.6e ns.1.6g nt.2.64 nv.1.6e nw.1.6h nx.2.6i nz.1.6h o0.2.6i o2.1.6h o3.d.6e w3.5.6e 13l.1.64 13m.4.6e 13q.1.64 ' +
  '13r.3.6e 13u.1.66 13v.1.64 13w.6.6e 142.6.64 148.2.6e 14a.1.64 14b.2.6e 14d.1.66 14e.1.6c 14f.1.6e 14g.1.a 14h.1.b 14i.1.c 14j.1.d 14k.1.e ' +
  '14l.1.f 14m.1.g 14n.1.h 14o.1.i 14p.2.j 14r.1.k 14s.1.l 14t.1.m 14v.1.n 14x.1.o 14y.1.p 150.1.6e 151.1.64 153.1.i 174.8.6e 17c.1.u 17d.1.v ' +
  '17e.1.w 18r.1.r 18s.1.s 18t.1.t 18u.1.u 18v.1.v 18w.1.w 18x.1.x 18y.1.y 18z.2.6e 191.2.64 193.5.6e 198.1.64 199.2.6e 19b.1.64 19s.1.z ' +
  '1cm.7.6e 1cv.4.6e 1cz.1.64 1d0.1.6e 1d3.2.6e 1d6.1.64 1d7.2.6e 1d9.1.64 1e9.1.10 1f4.1.6e 1f5.1.64 1f6.2.6e 1f8.1.64 1f9.2.6e 1fb.3.64 ' +
  '1fe.1.6e 1ff.2.64 1fh.1.6e 1fi.1.64 1fj.3.6e 1fm.1.64 1fn.1.6e 1fo.1.64 1fp.1.6e 1fq.1.64 1fr.1.6e 1fs.1.64 1ft.2.6e 1kb.7.6e 1ki.1.64 ' +
  '1kj.1.6e 1kt.1.64 1li.4.6e 1ln.9.6e 1lx.3.6e 1m1.5.6e 1nd.3.64 1qr.1.64 1qs.e.6e 1r7.1.64 1r8.2.6e 1ra.1.64 1rb.2.6e 1rd.1.64 1re.3.6e ' +
  '1rh.3.64 1rk.1.r 1rl.1.s 1rm.1.t 1rn.3.6e 1rq.1.64 1rr.2.6e 1rt.2.64 1rv.5.6e 1to.1.7 1u5.1.9 1u9.1.6e 1ua.1.64 1ub.2.6e 1x8.1.7 1xp.1.9 ' +
  '1z2.1.6e 20s.1.7 219.1.9 24c.1.7 24t.1.9 27w.1.7 28d.1.9 2bx.1.9 2fh.1.9 2fp.1.2c 2fq.1.2j 2ik.1.7 2j1.1.9 2m3.2.9 2ml.1.9 2q2.1.9 2t4.2.2v ' +
  '2t6.1.9 2tk.4.2z 2wo.2.3a 2wq.1.9 2x4.4.3e 2zc.2.64 305.1.64 307.1.64 309.1.60 31t.1.3l 31u.1.3m 31w.1.3o 322.4.3m 328.1.3m 32a.2.6e 32c.1.9 ' +
  '32e.2.6e 346.1.64 37b.1.7 37d.2.9 39p.1.64 3tp.3.6e 4k4.1.9 4l0.1.9 4pe.1.9 4pp.1.6e 4vd.1.6c 4zd.1.66 4ze.1.6e 4zf.1.64 55j.1.6e 55k.1.64 ' +
  '57k.1.9 585.8.6e 58f.1.64 59s.5.6e 59x.6.64 5a3.2.6e 5a5.1.64 5dg.1.7 5dw.1.9 5ez.1.6e 5f0.1.64 5f1.7.6e 5gq.2.9 5ie.1.7 5iq.2.9 5kn.1.7 ' +
  '5ow.3.6e 5p0.1.1 5p1.5.64 5p6.2.6e 5p8.4.64 5pc.1.6e 5pe.7.1 5pp.1.64 5pw.1.6e 5q0.2.6e 5vk.2.6e 5vm.1.64 5vn.7.6e 5vu.1.64 5vv.2.6e ' +
  '5vx.1.6i 5vy.1.5y 5vz.1.64 5w0.1.5m 5w1.11.6e 5x2.1.6g 5x3.2.6c 5x5.1.64 5x7.1.6e 5x8.1.6h 5x9.1.64 5xa.1.6e 5xb.1.64 6hc.2.6e 6he.2.1 ' +
  '6hg.4.6e 6hk.3.1 6hn.2.6e 6ht.1.6e 6hx.2.1 6hz.1.6e 6i0.1.64 6i1.1.6e 6i2.2.1 6i4.4.64 6i8.1.6e 8vj.3.6e 8zj.1.9 928.w.6e 9ii.1.62 9ij.1.6c ' +
  '9ik.1.6g 9il.1.66 9im.2.68 9ll.2.8 wvj.1.6e wvo.a.6e wwu.2.6e wz4.2.6e x6u.1.9 xc4.1.9 xcw.i.6e xez.3.64 xg3.1.9 xir.1.7 xj4.1.9 xps.1.6e ' +
  'xpu.2.6e xpw.1.64 xpz.2.6e xq6.2.6e xq9.1.6e xrq.1.9 xyl.1.9 1dlq.1.q 1e74.7.6e 1e7b.7.64 1e7i.2.6e 1eyl.1.64 1f4w.1.64 1f92.5.6e 1gjx.1.64 ' +
  '1gjz.1.6e 1gl4.1.6e 1gl5.1.1 1gl6.1.64 1glb.1.9 1gpx.1.6e 1gpy.1.64 1h5w.4.6e 1hl2.2.64 1hl4.3.6e 1hl7.1.64 1hl8.1.6e 1hl9.4.64 1hs6.1.9 ' +
  '1htr.1.9 1hvd.1.9 1hve.1.7 1hxc.3.6e 1hyr.2.9 1i0j.1.7 1i2o.1.9 1i2y.1.7 1i5x.1.9 1i5y.1.7 1iax.1.7 1iay.1.9 1id7.2.7 1idp.1.9 1iee.7.6e ' +
  '1ieo.5.6e 1iki.1.9 1ikm.1.7 1ila.1.6e 1io2.1.9 1io3.1.7 1iv3.1.9 1iv4.1.7 1iyn.1.9 1j1y.1.9 1j1z.1.7 1j57.1.9 1jcp.1.9 1jcq.1.7 1jog.1.9 ' +
  '1jqs.1.9 1jrb.1.9 1jtl.1.9 1k5b.1.9 1kci.1.7 1kck.2.9 1kev.1.9 1zow.5.1 1zqo.7.6e 2ftq.1.1 2jxh.2.60 2jxj.3.1 2jxp.1.6a 2jxq.5.60 2jy3.8.64 ' +
  '2jyd.5.6e 2jyi.2.64 2jze.4.6e 2k3m.3.6e 2mtc.7.6e 2mtk.h.6e 2mu3.7.6e 2mub.2.6e 2mue.5.6e 2n1s.7.6e 2ne4.4.6e 2ok0.7.64 2on8.6.6e 2one.1.7';
