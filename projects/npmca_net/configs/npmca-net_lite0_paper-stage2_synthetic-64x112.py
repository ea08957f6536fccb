_base_ = './npmca-net_lite0_paper_synthetic-96.py'
# Stage 2 in a CPU's size: wide videos as those of DAVIS, crops of about the thesis' form, which are not stretched. The rate is
# that of stage 1 and not a tenth of it as in the thesis: there are few iterations.
needs_start = 'projects/npmca_net/configs/npmca-net_lite0_paper-stage1_synthetic-64x112.py'
train_pipeline = [
    *_base_.train_pipeline[:4],
    dict(type='RandomResizedCrop', size=(64, 112), area=(0.5, 1.0), aspect=(1, 1)),
    *_base_.train_pipeline[5:],
]
train_dataloader = dict(dataset=dict(size=(72, 128), pipeline=train_pipeline))
