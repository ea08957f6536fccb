_base_ = './npmca-net_r50_paper_davis17.py'
# One object per video, as masks of 0 and 255.
test_dataloader = dict(dataset=dict(data_root='data/DAVIS-2016', encoding='binary', name='DAVIS2016-val'))
test_evaluator = dict(protocol='davis16')
